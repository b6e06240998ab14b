import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { activityTopic } from '#contracts';
import { ensureTopics, OrderedAppender } from '#event-log';
import { encodePublicKey, signCheckpoint } from '#proofs';
import { testIssuer, type TestIssuer } from '#testing';

/** What the command was asked to send, and what it gets. */
interface Asked {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
  readonly body: unknown;
}

interface Reply {
  readonly status: number;
  readonly body: object;
  readonly location?: string;
}

describe('the command line, as a process', () => {
  let server: Server;
  let asked: Asked[];
  let answer: Reply;
  /** What is answered before that, one after the other. */
  let answers: Reply[];

  beforeAll(async () => {
    server = createServer((request, response) => {
      void record(request).then(() => {
        const development = request.url === '/sandbox/directory/development-token';
        const reply: Reply = development
          ? { status: 200, body: { access_token: 'a-token' } }
          : (answers.shift() ?? answer);
        const { status, body, location } = reply;
        const headers = { 'content-type': 'application/json', ...(location === undefined ? {} : { location }) };
        response.writeHead(status, headers).end(JSON.stringify(body));
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  beforeEach(() => {
    asked = [];
    answers = [];
    answer = { status: 200, body: {} };
  });
  afterAll(async () => {
    server.close();
    await once(server, 'close');
  });

  it('prints an access token and nothing else', async () => {
    const { code, out } = await gatehouse(['token', '--as', 'dev@example.org']);

    expect({ code, out }).toEqual({ code: 0, out: 'a-token\n' });
    expect(asked[0]?.body).toEqual({ as: 'dev@example.org' });
  });

  it('sends the reviewer’s decision with the token that it was given', async () => {
    const arguments_ = ['reviews', 'approve', 'r1', '--reason', 'fine', '--scope', 'system/Patient.rs', '--json'];
    const { code, out } = await gatehouse(arguments_, { GATEHOUSE_TOKEN: 'mine' });

    expect({ code, out: JSON.parse(out) }).toEqual({ code: 0, out: {} });
    expect(asked).toEqual([
      {
        method: 'POST',
        url: '/approval/reviews/r1/decisions',
        authorization: 'Bearer mine',
        body: { decision: 'approve', reason: 'fine', scopes: ['system/Patient.rs'] },
      },
    ]);
  });

  it('shows a page as a table, and tells how to read on beside it', async () => {
    answer = { status: 200, body: { items: [{ id: 'a1', status: 'active', name: 'Charts' }], next: 'c2' } };
    const { code, out, err } = await gatehouse(['applications', 'list', '--as', 'operator@example.org']);

    expect(code).toBe(0);
    expect(out).toMatch(/^ID +STATUS +KIND +NAME +APPROVED\na1 +active +- +Charts +-\n$/);
    expect(err).toContain('--cursor c2');
  });

  it('has somebody erased, for a reason of the list, as who is signed in', async () => {
    answer = { status: 200, body: { userId: 'u1', erasedAt: '2026-11-27T09:00:00.000Z' } };
    const { code, out } = await gatehouse(['vault', 'erase', 'u1', '--reason', 'requested', '--json'], {
      GATEHOUSE_TOKEN: 'mine',
    });

    expect({ code, out: JSON.parse(out) }).toEqual({ code: 0, out: answer.body });
    expect(asked).toEqual([
      { method: 'POST', url: '/oauth/users/u1/erasure', authorization: 'Bearer mine', body: { reason: 'requested' } },
    ]);
  });

  it('ends with 1 and the fields of a problem document', async () => {
    answer = {
      status: 422,
      body: {
        title: 'Refused',
        detail: 'wider than asked',
        errors: [{ pointer: '/scopes/0', detail: 'not asked for' }],
      },
    };
    const { code, out, err } = await gatehouse(['reviews', 'reject', 'r1', '--reason', 'no'], { GATEHOUSE_TOKEN: 'x' });

    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toBe('Refused (422): wider than asked\n  /scopes/0: not asked for\n');
  });

  it('begins a rebuild, follows it to its end, and says how it ended', async () => {
    const rebuild = { id: 'r1', status: 'running', stage: 'replaying', events: 5, offsets: { done: 1, of: 2 } };
    answers = [
      { status: 202, body: rebuild, location: '/audit/projections/audit-records/rebuilds/r1' },
      { status: 200, body: rebuild },
      { status: 200, body: { ...rebuild, status: 'succeeded' } },
    ];
    const { code, out, err } = await gatehouse(['projections', 'rebuild', 'audit-records', '--json'], {
      GATEHOUSE_TOKEN: 'x',
    });

    expect({ code, out: JSON.parse(out), err }).toMatchObject({ code: 0, out: { status: 'succeeded' }, err: '' });
    expect(asked.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'POST /audit/projections/audit-records/rebuilds',
      'GET /audit/projections/audit-records/rebuilds/r1',
      'GET /audit/projections/audit-records/rebuilds/r1',
    ]);
  });

  it('ends with 1 when a rebuild failed, and says that nothing has changed', async () => {
    answers = [
      { status: 202, body: {}, location: '/x' },
      { status: 200, body: { status: 'failed', detail: 'no such column' } },
    ];
    const { code, err } = await gatehouse(['projections', 'rebuild', 'audit-records'], { GATEHOUSE_TOKEN: 'x' });

    expect(code).toBe(1);
    expect(err).toContain('no such column. The live tables are as they were.');
  });

  it('lists the projections of every context', async () => {
    answer = { status: 200, body: { items: [{ name: 'a-projection', version: 1, behind: 7 }] } };
    const { code, out } = await gatehouse(['projections', 'list', '--json'], { GATEHOUSE_TOKEN: 'x' });

    expect(code).toBe(0);
    expect((JSON.parse(out) as { items: unknown[] }).items).toHaveLength(4);
    expect(asked.map(({ url }) => url).sort()).toEqual([
      '/approval/projections',
      '/audit/projections',
      '/registration/projections',
      '/review/projections',
    ]);
  });

  it('verifies the audit, keeps what held for the next time, and ends with 1 when it is gone then', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'gatehouse-kept-'));
    const kept = path.join(folder, 'kept.json');
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const [topic, partition] = ['gatehouse.activity', 3];
    const origin = `gatehouse.example.org/audit/${topic}/${partition}`;
    const note = signCheckpoint({ origin, size: 1, root: Buffer.alloc(32, 7) }, privateKey);
    await writeFile(kept, JSON.stringify({ publicKey: encodePublicKey(publicKey), notes: { [origin]: note } }));
    const published = { status: 200, body: { items: [{ publicKey: encodePublicKey(publicKey) }] } };
    answer = { status: 200, body: { items: [] } };
    try {
      answers = [published];
      const gone = await gatehouse(['audit', 'verify', '--json', '--kept', kept], { GATEHOUSE_TOKEN: 'x' });
      expect({ code: gone.code, out: JSON.parse(gone.out) }).toMatchObject({
        code: 1,
        out: { verified: false, findings: [{ kind: 'consistency', topic, partition }] },
      });
      answers = [published];
      const fresh = path.join(folder, 'deeper', 'fresh.json');
      const first = await gatehouse(['audit', 'verify', '--kept', fresh], { GATEHOUSE_TOKEN: 'x' });
      expect(first).toMatchObject({ code: 0, out: expect.stringContaining('All of it holds'), err: '' });
      expect(JSON.parse(await readFile(fresh, 'utf8'))).toEqual({ publicKey: encodePublicKey(publicKey), notes: {} });
      expect((await stat(fresh)).mode & 0o077).toBe(0);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('shows topics as a table, and a record by its position', async () => {
    answer = {
      status: 200,
      body: { items: [{ topic: 'gatehouse.activity', partitions: [{ partition: 0, start: '0', end: '7' }] }] },
    };
    const topics = await gatehouse(['log', 'inspect'], { GATEHOUSE_TOKEN: 'x' });
    expect(topics.out).toMatch(/^TOPIC +PARTITION +START +END\ngatehouse.activity +0 +0 +7\n$/);
    const record = await gatehouse(['log', 'inspect', 'gatehouse.activity:3:42'], { GATEHOUSE_TOKEN: 'x' });
    expect(record.code).toBe(0);
    expect(asked.map(({ url }) => url)).toEqual([
      '/audit/topics',
      '/audit/topics/gatehouse.activity/partitions/3/records?from=42&limit=1',
    ]);
  });

  it('reads a record from the brokers, where they are named, and asks no Gatehouse', async () => {
    const brokers = process.env['KAFKA_BROKERS'] ?? '';
    const prefix = `cli-${process.pid}.`;
    await seedOne(brokers, prefix);
    const environment = { GATEHOUSE_DEV: '1', KAFKA_BROKERS: brokers, KAFKA_TOPIC_PREFIX: prefix };
    const { code, out } = await gatehouse(['log', 'inspect', 'gatehouse.activity:0:0'], environment);
    expect({ code, out: JSON.parse(out) }).toMatchObject({
      code: 0,
      out: { items: [{ topic: 'gatehouse.activity', offset: '0', record: { type: 'a-record' } }] },
    });
    expect(asked).toEqual([]);
  });

  describe('signed in', () => {
    let provider: TestIssuer;
    let home: string;

    beforeAll(async () => {
      provider = await testIssuer();
      home = await mkdtemp(path.join(tmpdir(), 'gatehouse-home-'));
    });
    afterAll(async () => {
      await provider.close();
      await rm(home, { recursive: true });
    });

    it('by a browser, the token is kept for this user alone, and used until `logout`', async () => {
      const { child, ended } = start(['login', '--issuer', provider.issuer], { XDG_CONFIG_HOME: home });
      let said = '';
      for await (const chunk of child.stderr) {
        said += String(chunk);
        const url = /http:\S+/.exec(said)?.[0];
        // The browser, sent back and forth.
        if (url !== undefined && said.endsWith('\n\n')) expect((await fetch(url)).status).toBe(200);
      }
      expect((await ended).code).toBe(0);
      const file = path.join(home, 'gatehouse', 'logins.json');
      expect((await stat(file)).mode & 0o077).toBe(0);

      await gatehouse(['applications', 'list'], { XDG_CONFIG_HOME: home });
      expect(asked.at(-1)?.authorization).toBe('Bearer unused');
      await gatehouse(['logout'], { XDG_CONFIG_HOME: home });
      const { code, err } = await gatehouse(['applications', 'list'], { XDG_CONFIG_HOME: home });
      expect({ code, err }).toMatchObject({ code: 1, err: expect.stringContaining('gatehouse login') });
    });

    it('says so when a provider cannot be asked', async () => {
      const { code, err } = await gatehouse(['login', '--issuer', 'http://127.0.0.1:1'], { XDG_CONFIG_HOME: home });
      expect({ code, err }).toMatchObject({
        code: 1,
        err: expect.stringContaining('http://127.0.0.1:1 cannot be asked'),
      });
    });
  });

  it.each([
    [['log', 'inspect', 'gatehouse.activity']],
    [['audit', 'verify', '--sample', 'all']],
    [['projections', 'rebuild']],
    [['nonsense']],
    [['applications', 'suspend', 'a1']],
    [['vault', 'erase', 'u1']],
    [['vault', 'erase', 'u1', '--reason', 'Ada asked for it']],
    [['campaigns', 'decide', 'i1', '--decision', 'maybe']],
  ])('ends with 2 for %j and asks nobody', async (arguments_) => {
    expect((await gatehouse(arguments_, { GATEHOUSE_TOKEN: 'x' })).code).toBe(2);
    expect(asked).toEqual([]);
  });

  it('says what to do when nothing answers', async () => {
    const { code, err } = await gatehouse(['applications', 'list'], {
      GATEHOUSE_TOKEN: 'x',
      GATEHOUSE_URL: 'http://127.0.0.1:1',
    });

    expect(code).toBe(1);
    expect(err).toContain('npm start');
  });

  it.each([['acls'], ['inspect']])('says so in one line when no broker answers `log %s`', async (what) => {
    const environment = { GATEHOUSE_DEV: '1', KAFKA_BROKERS: '127.0.0.1:1' };
    const { code, out, err } = await gatehouse(['log', what], environment);
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/^[^\n]* at 127\.0\.0\.1:1: [^\n]+\n$/);
  });

  async function record(request: IncomingMessage): Promise<void> {
    const body = await text(request);
    asked.push({
      method: request.method ?? '',
      url: request.url ?? '',
      authorization: request.headers.authorization,
      body: body === '' ? undefined : (JSON.parse(body) as unknown),
    });
  }

  async function gatehouse(arguments_: readonly string[], environment: Record<string, string> = {}) {
    const { child, ended } = start(arguments_, environment);
    const [err, { code, out }] = await Promise.all([text(child.stderr), ended]);
    return { code, out, err };
  }

  function start(arguments_: readonly string[], environment: Record<string, string>) {
    const { GATEHOUSE_TOKEN: _, NODE_OPTIONS: __, KAFKA_BROKERS: ___, ...rest } = process.env;
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const child = spawn(process.execPath, ['apps/cli/bin/gatehouse.js', ...arguments_], {
      env: { ...rest, GATEHOUSE_URL: url, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const exit = once(child, 'exit') as Promise<[number | null]>;
    const ended = Promise.all([text(child.stdout), exit]).then(([out, [code]]) => ({ out, code }));
    return { child, ended };
  }
});

/** One record in a topic that only this test has. */
async function seedOne(brokers: string, prefix: string): Promise<void> {
  const sink = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
  const settings = { brokers: brokers.split(','), clientId: 'seed', prefix, sink };
  await ensureTopics(settings, [{ ...activityTopic, partitions: 1 }], { replicationFactor: 1, minInSyncReplicas: 1 });
  const appender = new OrderedAppender(settings, { deadlineMs: 60_000 });
  await appender.append(prefix + activityTopic.name, 0, { key: 'k', value: JSON.stringify({ type: 'a-record' }) });
  await appender.close();
}
