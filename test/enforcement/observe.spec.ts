import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import type { ObserveRule } from '#fhir-endpoints';
import { listenBroken, type StoredResource } from '#testing';
import { Upstream } from '../../apps/gateway/src/ask-upstream/upstream.js';
import { BASE, GatewayInProcess, type SeenAnswer } from './gateway-in-process.js';
import { type Guarded, guardedServers, listenHostileWith, own, putOn, roomy } from './guarded-servers.js';
import type { ModelToken } from './model.js';

const tomorrow = Date.now() + 86_400_000;
const rule = (more: Partial<ObserveRule> = {}): ObserveRule => ({
  applications: new Set(['a1']),
  untilMs: tomorrow,
  ...more,
});
/** It may read observations, and no more. */
const backend: ModelToken = { scopes: [{ context: 'system', type: 'Observation', letters: 'rs', conditions: [] }] };
const writer: ModelToken = { scopes: [{ context: 'system', type: 'Observation', letters: 'cruds', conditions: [] }] };
const fhirJson = { 'content-type': 'application/fhir+json' };

interface Bundle {
  readonly link?: readonly { readonly relation: string; readonly url: string }[];
  readonly entry?: readonly { readonly resource: StoredResource }[];
}

describe.each(guardedServers)('observe mode before %s', (_name, listen) => {
  let guarded: Guarded;
  let upstream: Upstream;
  const opened: GatewayInProcess[] = [];

  beforeAll(async () => {
    guarded = await listen();
    upstream = new Upstream({ baseUrl: guarded.base, timeoutMs: 5_000, maxBytes: 10_000_000, ...roomy });
  });
  afterEach(async () => void (await Promise.all(opened.splice(0).map((it) => it.close()))));
  afterAll(async () => {
    await upstream.close();
    await guarded.close();
  });

  /** A gateway with these rules; `none` enforces. */
  async function gatewayWith(
    observe: readonly ObserveRule[],
    ...more: [limits?: { readonly callsPerDay: number }, withheld?: string]
  ): Promise<GatewayInProcess> {
    const [limits = {}, withheld] = more;
    const rules = withheld === undefined ? [] : [{ name: 'withheld', patients: [withheld] }];
    const gateway = new GatewayInProcess(upstream, rules, observe, limits);
    await gateway.start();
    opened.push(gateway);
    return gateway;
  }

  /** The two records of the last call. */
  async function recordsOf(gateway: GatewayInProcess) {
    const last = () => gateway.records.slice(-2);
    while (last().at(-1)?.type !== 'access-completed') await new Promise((resolve) => setImmediate(resolve));
    const [decision, completed] = last();
    return { decision, completed };
  }

  test('a call that would be refused goes through, and both records say so', async () => {
    const gateway = await gatewayWith([rule()]);
    const answer = await gateway.call(backend, '/Patient/patient-01');
    expect([answer.status, answer.headers['gatehouse-mode']]).toEqual([200, 'observe']);
    expect(JSON.parse(answer.text)).toMatchObject({ resourceType: 'Patient', id: 'patient-01' });
    expect(await recordsOf(gateway)).toMatchObject({
      decision: {
        type: 'access-allowed',
        data: { observed: 'denied', reason: expect.stringMatching(/^observed, not refused: not-granted/) },
      },
      completed: {
        data: { status: 200, observed: { outcome: 'denied', withheld: 1 }, patients: ['vault-patient-01'] },
      },
    });
  });

  test('of what nobody looked at the record says that it may not name all', async () => {
    const gateway = await gatewayWith([rule()]);
    await gateway.call(backend, '/Patient/patient-01', { method: 'HEAD' });
    expect((await recordsOf(gateway)).completed).toMatchObject({ data: { patientsIncomplete: true } });
    // No Bundle that can be read entry by entry: the server may carry it out all the same.
    const entry = [{ request: { method: 'GET', url: 'Patient/patient-01' } }];
    const body = JSON.stringify({ resourceType: 'Bundle', entry });
    await gateway.call(writer, '/', { method: 'POST', headers: fhirJson, body });
    expect((await recordsOf(gateway)).completed).toMatchObject({ data: { patientsIncomplete: true } });
  });

  describe('the record names whom that is about to which what left belongs', () => {
    const provenance = (id: string, target: string) => ({
      resourceType: 'Provenance',
      id,
      recorded: '2026-01-01T00:00:00Z',
      target: [{ reference: target }],
      agent: [{ who: { reference: 'Practitioner/practitioner-01' } }],
    });
    const writer: ModelToken = {
      scopes: [{ context: 'system', type: 'Provenance', letters: 'cruds', conditions: [] }],
    };
    beforeAll(async () => {
      const all = ['01', '02'].flatMap((number): StoredResource[] => [
        { resourceType: 'Binary', id: `shown-${number}`, contentType: 'text/plain', data: 'c2VjcmV0' },
        {
          resourceType: 'DocumentReference',
          id: `shows-${number}`,
          status: 'current',
          subject: { reference: `Patient/patient-${number}` },
          content: [{ attachment: { url: `Binary/shown-${number}` } }],
        },
      ]);
      const lost = provenance('provenance-lost', 'Observation/observation-01-laboratory');
      await putOn(guarded, [...all, provenance('provenance-moved', 'Observation/observation-02-laboratory'), lost]);
    });

    const found = '/Provenance?target=Observation/observation-02-laboratory';
    test.each<[string, string, ModelToken, string, 'allowed' | 'denied']>([
      ['a Binary, by its document', '/Binary/shown-01', own, '01', 'allowed'],
      ['one that is not seen', '/Binary/shown-02', own, '02', 'denied'],
      ['one of a type that is not granted', '/Binary/shown-02', backend, '02', 'denied'],
      ['a Binary that says it', '/Binary/binary-02', backend, '02', 'denied'],
      ['a Provenance', '/Provenance/provenance-01', own, '01', 'allowed'],
      ['one of somebody else', '/Provenance/provenance-02', own, '02', 'denied'],
      ['one of a type that is not granted', '/Provenance/provenance-02', backend, '02', 'denied'],
      ['what a search finds', found, backend, '02', 'denied'],
      ['what a search finds that all is seen of', found, writer, '02', 'allowed'],
      ['versions', '/Provenance/provenance-01/_history', backend, '01', 'denied'],
    ])('%s: %s', async (_what, target, token, number, outcome) => {
      const gateway = await gatewayWith([rule()]);
      expect((await gateway.call(token, target)).status).toBe(200);
      const { completed } = await recordsOf(gateway);
      expect(completed).toMatchObject({ data: { observed: { outcome }, patients: [`vault-patient-${number}`] } });
      expect(completed).not.toHaveProperty('data.patientsIncomplete');
    });

    test('of a write, before and after', async () => {
      const gateway = await gatewayWith([rule()]);
      const body = JSON.stringify(provenance('provenance-moved', 'Observation/observation-01-laboratory'));
      const init = { method: 'PUT', headers: fhirJson, body };
      expect((await gateway.call(writer, '/Provenance/provenance-moved', init)).status).toBe(200);
      const both = ['vault-patient-02', 'vault-patient-01'];
      expect(await recordsOf(gateway)).toMatchObject({
        decision: { data: { observed: 'allowed', patients: both } },
        completed: { data: { patients: both } },
      });
    });

    test('what is not there any more may be of others', async () => {
      const gateway = await gatewayWith([rule()]);
      await putOn(guarded, [provenance('provenance-lost', 'Observation/none')]);
      expect((await gateway.call(backend, '/Provenance/provenance-lost')).status).toBe(200);
      expect((await recordsOf(gateway)).completed).toMatchObject({ data: { patients: [], patientsIncomplete: true } });
    });
  });

  test('a call that would be let in is recorded as such', async () => {
    const gateway = await gatewayWith([rule()]);
    expect((await gateway.call(backend, '/Observation/observation-01-laboratory')).status).toBe(200);
    expect(await recordsOf(gateway)).toMatchObject({
      decision: { type: 'access-allowed', data: { observed: 'allowed' } },
      completed: { data: { observed: { outcome: 'allowed', withheld: 0 } } },
    });
  });

  test('of an answer that shows in part, as it was asked for, the record says that it may tell of others', async () => {
    const gateway = await gatewayWith([rule()]);
    const target = '/Observation?patient=patient-01&_elements=status';
    expect((await gateway.call(backend, target)).status).toBe(200);
    expect((await recordsOf(gateway)).completed).toMatchObject({ data: { patientsIncomplete: true } });
  });

  test('what of an answer would have stayed here is counted', async () => {
    const gateway = await gatewayWith([rule()]);
    const read = await gateway.call(own, '/Observation/observation-02-laboratory');
    expect(read.status).toBe(200);
    expect((await recordsOf(gateway)).completed).toMatchObject({
      data: { observed: { outcome: 'denied', withheld: 1 }, patients: ['vault-patient-02'] },
    });
    const found = await gateway.call(own, '/Condition?_count=200');
    const { entry = [] } = JSON.parse(found.text) as Bundle;
    const others = entry.filter(
      ({ resource }) => (resource['subject'] as { reference: string }).reference.endsWith('/patient-01') === false,
    );
    expect(others.length).toBeGreaterThan(0);
    expect((await recordsOf(gateway)).completed).toMatchObject({
      data: { observed: { outcome: 'filtered', withheld: others.length } },
    });
  });

  test('what rules withhold is counted as well', async () => {
    const gateway = await gatewayWith([rule()], undefined, 'patient-02');
    expect((await gateway.call(backend, '/Observation/observation-02-laboratory')).status).toBe(200);
    expect((await recordsOf(gateway)).completed).toMatchObject({ data: { observed: { outcome: 'denied' } } });
  });

  test('pages are reached, each known for the search that it is of', async () => {
    const gateway = await gatewayWith([rule()]);
    const first = JSON.parse((await gateway.call(backend, '/Observation?_count=2')).text) as Bundle;
    const next = first.link?.find(({ relation }) => relation === 'next')?.url ?? '';
    expect(next).toMatch(new RegExp(`^${BASE}/Observation\\?_page=`));
    const second = await gateway.call(backend, next);
    expect(second.status).toBe(200);
    expect((JSON.parse(second.text) as Bundle).entry?.[0]?.resource.id).not.toBe(first.entry?.[0]?.resource.id);
    expect(await recordsOf(gateway)).toMatchObject({
      decision: { data: { observed: 'allowed', interaction: 'search-type', resourceType: 'Observation' } },
    });
  });

  test('a page link that does not count is refused: no server could answer it', async () => {
    const gateway = await gatewayWith([rule()]);
    expect((await gateway.call(backend, '/Observation?_page=abc')).status).toBe(403);
    expect(gateway.records.at(-1)).toMatchObject({ type: 'access-denied' });
    expect(gateway.records.at(-1)).not.toHaveProperty('data.observed');
  });

  test('nothing of the server but its answer is shown', async () => {
    const gateway = await gatewayWith([rule()]);
    const seen: SeenAnswer[] = [];
    for (const target of ['/Patient/patient-01', '/Patient/none', '/Patient?_count=3', '/Patient/patient-01/_history'])
      seen.push(await gateway.call(backend, target));
    for (const { headers, text } of seen) {
      expect(headers).not.toHaveProperty('set-cookie');
      expect(JSON.stringify(headers)).not.toContain(guarded.base);
      expect(text).not.toContain(guarded.base);
    }
  });

  test('a write goes as it came, once, recorded before and after with what it would have been', async () => {
    const gateway = await gatewayWith([rule()]);
    const observation = {
      resourceType: 'Observation',
      status: 'final',
      code: { text: 'observed' },
      subject: { reference: 'Patient/patient-03' },
    };
    const create = { method: 'POST', headers: fhirJson, body: JSON.stringify(observation) };
    const refused = await gateway.call(backend, '/Observation', create);
    expect(refused.status).toBe(201);
    expect(refused.headers['location']).toMatch(new RegExp(`^${BASE}/Observation/`));
    expect(await recordsOf(gateway)).toMatchObject({
      decision: { type: 'access-allowed', data: { observed: 'denied', interaction: 'create' } },
      completed: {
        data: {
          observed: { outcome: 'denied', withheld: 1 },
          written: { outcome: 'changed', resourceType: 'Observation' },
        },
      },
    });
    await gateway.call(writer, '/Observation', create);
    expect(await recordsOf(gateway)).toMatchObject({
      decision: { data: { observed: 'allowed' } },
      completed: { data: { observed: { outcome: 'allowed' }, written: { outcome: 'changed' } } },
    });
    // Allowed by the scope, and refused for what it is about.
    await gateway.call({ ...own, patient: 'patient-01' }, '/Observation', create);
    expect(await recordsOf(gateway)).toMatchObject({ decision: { data: { observed: 'denied' } } });
  });

  test('a transaction is recorded as refused where an entry is, and so is what is no Bundle', async () => {
    const gateway = await gatewayWith([rule()]);
    const post = async (body: object) => {
      await gateway.call(backend, '/', { method: 'POST', headers: fhirJson, body: JSON.stringify(body) });
      await gateway.idle();
      return gateway.records.findLast((it) => it.type === 'access-allowed' && it.data.partOf === undefined);
    };
    const bundle = (type: string, ...urls: string[]) => ({
      resourceType: 'Bundle',
      type,
      entry: urls.map((url) => ({ request: { method: 'GET', url } })),
    });
    const seen = 'Observation/observation-01-laboratory';
    expect(await post(bundle('transaction', seen, 'Patient/patient-01'))).toMatchObject({
      data: { observed: 'denied', reason: expect.stringMatching(/^observed, not refused: entry 1: not-granted/) },
    });
    expect(await post(bundle('transaction', seen))).toMatchObject({ data: { observed: 'allowed' } });
    expect(await post(bundle('document', seen))).toMatchObject({ data: { observed: 'denied' } });
    expect(await post(bundle('batch', 'Patient/patient-01'))).toMatchObject({ data: { observed: 'allowed' } });
  });

  test('a limit is counted, and held against nobody', async () => {
    const gateway = await gatewayWith([rule()], { callsPerDay: 1 });
    await gateway.call(backend, '/Observation/observation-01-laboratory');
    expect((await gateway.call(backend, '/Observation/observation-01-laboratory')).status).toBe(200);
    expect(await recordsOf(gateway)).toMatchObject({
      decision: { data: { observed: 'denied', reason: expect.stringContaining('limit: ') } },
    });
  });

  describe('enforces', () => {
    const refused = '/Patient/patient-01';
    test.each<[string, readonly ObserveRule[]]>([
      ['by default', []],
      ['other applications', [rule({ applications: new Set(['a2']) })]],
      ['other interactions', [rule({ interactions: new Set(['search-type']) })]],
      ['from its end on', [rule({ untilMs: Date.now() - 1 })]],
    ])('%s', async (_what, rules) => {
      const gateway = await gatewayWith(rules);
      const answer = await gateway.call(backend, refused);
      expect([answer.status, answer.headers['gatehouse-mode']]).toEqual([403, undefined]);
      expect(gateway.records).toMatchObject([{ type: 'access-denied' }]);
      expect(gateway.records[0]).not.toHaveProperty('data.observed');
    });

    test.each(['suspended', 'revoked', 'expired', 'not-approved'] as const)(
      'what is %s, though it be observed',
      async (why) => {
        const gateway = await gatewayWith([rule()]);
        gateway.inForce = { ...gateway.inForce, status: 'closed', why, scopes: [] };
        expect((await gateway.call(backend, refused)).status).toBe(401);
        expect(gateway.records).toMatchObject([{ type: 'access-denied', data: { reason: `closed: ${why}` } }]);
      },
    );

    test.each([
      ['of an earlier epoch', { epoch: 1 }],
      ['that was revoked', { revokedTokens: new Set(['t1']) }],
    ])('tokens %s', async (_what, now) => {
      const gateway = await gatewayWith([rule()]);
      gateway.inForce = { ...gateway.inForce, ...now };
      expect((await gateway.call(backend, refused)).status).toBe(401);
    });

    test('an endpoint that the approval no longer covers', async () => {
      const gateway = await gatewayWith([rule()]);
      gateway.inForce = { ...gateway.inForce, endpoints: ['elsewhere'] };
      expect((await gateway.call(backend, refused)).status).toBe(403);
    });

    test.each([
      '/Patient/..;/secret',
      '/%2e%2e/secret',
      '/Patient%2f..%2f..%2fsecret',
      '/Patient\\secret',
      '//secret',
      '/.../secret',
    ])('what could mean something outside the FHIR API: %s', async (target) => {
      const gateway = await gatewayWith([rule()]);
      await gateway.call(backend, '/Observation/observation-01-laboratory');
      guarded.hostile?.requests.splice(0);
      // As it stands: fetch would tidy the path first.
      const headers = { authorization: 'Bearer abc' };
      const asked = get({ port: gateway.port, path: `/fhir${target}`, headers });
      const [response] = (await once(asked, 'response')) as [IncomingMessage];
      response.resume();
      expect(response.statusCode).toBe(403);
      expect(guarded.hostile?.requests ?? []).toEqual([]);
    });
  });

  test('nothing that says who calls or which method is meant goes on', async () => {
    const gateway = await gatewayWith([rule()]);
    guarded.hostile?.requests.splice(0);
    await gateway.call(backend, '/Patient', {
      method: 'POST',
      headers: {
        ...fhirJson,
        cookie: 'a=b',
        'x-http-method-override': 'DELETE',
        'x-purpose-of-use': 'ETREAT',
        'x-forwarded-for': '10.0.0.1',
        'x-forwarded-host': 'evil.example',
        'x-scope': 'system/*.*',
      },
      body: JSON.stringify({ resourceType: 'Patient' }),
    });
    for (const { headers = {} } of guarded.hostile?.requests ?? [])
      expect(
        Object.keys(headers).filter((it) => /cookie|override|purpose|forwarded|x-scope|authorization/.test(it)),
      ).toEqual([]);
  });
});

test('access that is closed while the server works stays here', async () => {
  const [, listen] = guardedServers[1] ?? guardedServers[0] ?? [];
  const guarded = await listen?.();
  if (!guarded) throw new Error('no server');
  const real = new Upstream({ baseUrl: guarded.base, timeoutMs: 5_000, maxBytes: 10_000_000, ...roomy });
  const closing: Pick<Upstream, 'ask' | 'send' | 'pass' | 'base'> = {
    base: real.base,
    ask: async (...asked) => await real.ask(...asked),
    send: async (...asked) => await real.send(...asked),
    pass: async (...asked) => {
      const answer = await real.pass(...asked);
      gateway.inForce = { ...gateway.inForce, status: 'closed', why: 'suspended', scopes: [] };
      return answer;
    },
  };
  const gateway = new GatewayInProcess(closing, [], [rule()]);
  await gateway.start();
  const open = gateway.inForce;
  const answer = await gateway.call(backend, '/Patient/patient-01');
  expect(answer.status).toBe(401);
  expect(answer.text).not.toContain('patient-01');
  while (gateway.records.length < 2) await new Promise((resolve) => setImmediate(resolve));
  expect(gateway.records[1]).toMatchObject({ data: { status: 401, bytes: 0, ending: 'withheld' } });
  // What was written is written: whom it is about is on record.
  gateway.inForce = open;
  await gateway.idle();
  gateway.records.length = 0;
  const target = [{ reference: 'Observation/observation-02-laboratory' }];
  for (const body of [
    { resourceType: 'Observation', status: 'final', subject: { reference: 'Patient/patient-02' } },
    { resourceType: 'Provenance', recorded: '2026-01-01T00:00:00Z', target },
  ]) {
    gateway.inForce = open;
    const init = { method: 'POST', headers: fhirJson, body: JSON.stringify(body) };
    expect((await gateway.call(writer, `/${body.resourceType}`, init)).status).toBe(401);
    await gateway.idle();
  }
  const told = gateway.records.filter(({ type }) => type === 'access-completed');
  expect(told).toMatchObject([
    { data: { ending: 'withheld', written: { outcome: 'changed' }, patients: ['vault-patient-02'] } },
    // Nobody looked, since it would have been refused.
    { data: { ending: 'withheld', written: { outcome: 'changed' }, patients: [], patientsIncomplete: true } },
  ]);
  await gateway.close();
  await real.close();
  await guarded.close();
});

test('a write to a server that ignores If-Match goes on, and is recorded as one that is refused', async () => {
  const guarded = await listenHostileWith((server) => void (server.keepsVersions = false));
  const upstream = new Upstream({ baseUrl: guarded.base, timeoutMs: 5_000, maxBytes: 10_000_000, ...roomy });
  const gateway = new GatewayInProcess(upstream, [], [rule()]);
  await gateway.start();
  const before = guarded.hostile?.holds().length ?? 0;
  const body = JSON.stringify({ resourceType: 'Observation', status: 'final', code: { text: 'observed' } });
  const answer = await gateway.call(writer, '/Observation', { method: 'POST', headers: fhirJson, body });
  expect(answer.status).toBe(201);
  await gateway.idle();
  expect(gateway.records).toMatchObject([
    {
      type: 'access-allowed',
      data: { observed: 'denied', reason: 'observed, not refused: the upstream ignores If-Match' },
    },
    { data: { observed: { outcome: 'denied' }, written: { outcome: 'changed' } } },
  ]);
  // What the server was asked with is gone.
  expect(guarded.hostile?.holds().length).toBe(before + 1);
  await gateway.close();
  await upstream.close();
  await guarded.close();
});

test('a write that never got to the server is recorded as one that changed nothing; one that may have, as unknown', async () => {
  const server = await listenBroken();
  const upstream = new Upstream({ baseUrl: server.base, timeoutMs: 5_000, maxBytes: 10_000_000, ...roomy });
  const gateway = new GatewayInProcess(upstream, [], [rule()]);
  await gateway.start();
  const body = JSON.stringify({ resourceType: 'Observation', status: 'final', code: { text: 'observed' } });
  const write = async () => {
    const { status } = await gateway.call(backend, '/Observation', { method: 'POST', headers: fhirJson, body });
    await gateway.idle();
    return { status, ...gateway.records.at(-1)?.data };
  };
  server.answers = 'hangup';
  const written = (outcome: string) => ({
    status: 502,
    ending: 'upstream-failed',
    written: { outcome, resourceType: 'Observation' },
  });
  expect(await write()).toMatchObject(written('unknown'));
  // It does not take our credential.
  server.answers = 401;
  expect(await write()).toMatchObject(written('unchanged'));
  await server.close();
  expect(await write()).toMatchObject(written('unchanged'));
  await gateway.close();
  await upstream.close();
});
