import { jest } from '@jest/globals';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { ActivityRecord } from '#contracts';
import type { EffectiveAccess } from '#access';
import { Upstream } from '../../apps/gateway/src/ask-upstream/upstream.js';
import { GatewayInProcess } from './gateway-in-process.js';
import { backend, type Guarded, guardedServers, own, putOn } from './guarded-servers.js';
import { LargeFhir, type LargeResource } from './large-fhir.js';
import type { ModelToken } from './model.js';

const MB = 1_000_000;
/** In the long run (`CASES`) the largest is of 1 GB. */
const LARGEST = (process.env['CASES'] === undefined ? 250 : 1_000) * MB;
/** Few, so that one which is not given back is missed. */
const bounds = { total: 4, perApplication: 2, waitingPerApplication: 8 };
const few = { slots: bounds, passing: bounds, breakMs: 1_000 };
/** The largest that is held, and the largest that passes by. */
const [HELD, PASSED] = [MB, 2_000 * MB];

const binary = (id: string, patient: string | undefined, bytes: number, more: Partial<LargeResource> = {}) =>
  ({
    bytes,
    before: `{"resourceType":"Binary","id":"${id}","contentType":"application/pdf",${
      patient === undefined ? '' : `"securityContext":{"reference":"Patient/${patient}"},`
    }"data":"`,
    behind: '"}',
    ...more,
  }) satisfies LargeResource;
const document = (id: string, bytes: number, more: Partial<LargeResource> = {}) =>
  ({
    bytes,
    before: `{"resourceType":"DocumentReference","id":"${id}","subject":{"reference":"Patient/patient-01"},"content":[{"attachment":{"data":"`,
    behind: '"}}],"context":{"encounter":[{"reference":"Encounter/e1"}]}}',
    ...more,
  }) satisfies LargeResource;
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
/** What this process holds and still uses: what was let go and not collected yet is not counted. */
function reachableBytes(): number {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
const small = (type: string, id: string): LargeResource => ({
  bytes: 0,
  before: `{"resourceType":"${type}","id":"${id}"`,
  behind: '}',
});

describe('bodies that are larger than is held', () => {
  const server = new LargeFhir();
  let upstream: Upstream;
  let gateway: GatewayInProcess;
  let open: EffectiveAccess;

  beforeAll(async () => {
    await server.start();
    upstream = new Upstream({
      baseUrl: server.base,
      timeoutMs: 5_000,
      maxBytes: HELD,
      passedMaxBytes: PASSED,
      ...few,
    });
    gateway = new GatewayInProcess(upstream);
    await gateway.start();
    open = gateway.inForce;
    for (const id of ['patient-01', 'patient-02']) server.resources.set(`Patient/${id}`, small('Patient', id));
  });
  beforeEach(() => {
    gateway.records.length = 0;
    gateway.inForce = open;
    gateway.onRecord = () => undefined;
    server.sent = 0;
  });
  afterAll(async () => {
    await Promise.all([gateway.close(), upstream.close()]);
    await server.close();
  });

  const holds = (resource: LargeResource, key = 'Binary/b1') => void server.resources.set(key, resource);
  /** The answer before any of its body is read. */
  async function ask(
    token: ModelToken,
    target: string,
    headers: Readonly<Record<string, string>> = {},
    method = 'GET',
    application = 'a1',
  ): Promise<IncomingMessage> {
    gateway.believe(token, application);
    const port = gateway.port;
    const all = { authorization: 'Bearer abc', ...headers };
    const request = get({ host: '127.0.0.1', port, path: `/fhir/${target}`, headers: all, method, agent: false });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return response;
  }
  /** Reads it to its end: how many bytes, the last of them, and whether it broke off. */
  async function drink(
    response: IncomingMessage,
    eachPiece: (bytes: number) => Promise<void> | void = () => undefined,
  ) {
    let bytes = 0;
    let first: Buffer = Buffer.alloc(0);
    let last: Buffer = first;
    try {
      for await (const piece of response as AsyncIterable<Buffer>) {
        if (bytes < 200) first = Buffer.concat([first, piece.subarray(0, 200)]);
        bytes += piece.length;
        last = piece.length < 100 ? Buffer.concat([last, piece]).subarray(-100) : piece.subarray(-100);
        await eachPiece(bytes);
      }
    } catch {
      return { bytes, last, first, isWhole: false };
    }
    return { bytes, last, first, isWhole: response.complete };
  }
  const completed = async (): Promise<ActivityRecord | undefined> => {
    await gateway.idle();
    return gateway.records.find(({ type }) => type === 'access-completed');
  };
  /** Nothing is left at the FHIR server, and there is room for the next. */
  async function expectAllEnded(): Promise<void> {
    await server.idle();
    const { status } = await gateway.call(backend, '/Patient/patient-01');
    expect(status).toBe(200);
  }

  test('a Binary of up to 1 GB passes by, and none of it is held', async () => {
    const bytes = LARGEST;
    holds(binary('b1', 'patient-01', bytes));
    let [most, pieces] = [0, 0];
    const before = reachableBytes();
    const response = await ask(own, 'Binary/b1');
    expect([response.statusCode, response.headers['content-disposition'], response.headers.etag]).toEqual([
      200,
      'attachment',
      'W/"1"',
    ]);
    const { isWhole, ...read } = await drink(response, () => {
      if (++pieces % 1_000 === 0) most = Math.max(most, reachableBytes() - before);
    });
    const { before: head, behind } = binary('b1', 'patient-01', bytes);
    expect([isWhole, read.bytes]).toEqual([true, bytes + head.length + behind.length]);
    expect([read.first.subarray(0, head.length).toString(), read.last.toString()]).toEqual([
      head,
      `${'A'.repeat(100 - behind.length)}${behind}`,
    ]);
    expect(pieces).toBeGreaterThan(2_000);
    // What sockets hold meanwhile is some 20 MB, and more beside other work.
    expect(most).toBeLessThan(bytes / 2);
    expect(await completed()).toMatchObject({ data: { status: 200, bytes: read.bytes, ending: 'sent' } });
  }, 60_000);

  test('whoever reads slowly slows the FHIR server down', async () => {
    holds(binary('b1', 'patient-01', 100 * MB));
    let ahead = 0;
    const { isWhole } = await drink(await ask(own, 'Binary/b1'), async (bytes) => {
      for (let at = 0; at < 3; at++) await nextTurn();
      ahead = Math.max(ahead, server.sent - bytes);
    });
    expect(isWhole).toBe(true);
    // What is ahead stands in the buffers of four sockets.
    expect(ahead).toBeLessThan(40 * MB);
  }, 30_000);

  test('the decision is on record before the first byte, and what became of it with its patients afterwards', async () => {
    holds(document('d1', 5 * MB), 'DocumentReference/d1');
    const { isWhole, bytes } = await drink(await ask(backend, 'DocumentReference/d1'));
    expect(isWhole).toBe(true);
    await completed();
    expect(gateway.records).toMatchObject([
      { type: 'access-allowed', data: { interaction: 'read', resourceType: 'DocumentReference', resourceId: 'd1' } },
      { type: 'access-completed', data: { status: 200, bytes, ending: 'sent', patients: ['vault-patient-01'] } },
    ]);
    gateway.onRecord = () => {
      throw new Error('not acknowledged');
    };
    const response = await ask(backend, 'DocumentReference/d1');
    expect([response.statusCode, (await drink(response)).bytes]).toEqual([503, expect.any(Number)]);
    gateway.onRecord = () => undefined;
    await expectAllEnded();
  });

  test('compressed at the FHIR server, or for the caller, it is the same', async () => {
    const bytes = 3 * MB;
    holds(binary('b1', 'patient-01', bytes, { encoding: 'gzip' }));
    const plain = await drink(await ask(own, 'Binary/b1'));
    expect([plain.isWhole, plain.last.toString().endsWith('A"}')]).toEqual([true, true]);
    gateway.believe(own);
    const answer = await fetch(`http://127.0.0.1:${gateway.port}/fhir/Binary/b1`, {
      headers: { authorization: 'Bearer abc', 'accept-encoding': 'gzip' },
    });
    expect(answer.headers.get('content-encoding')).toBe('gzip');
    expect((await answer.text()).length).toBe(plain.bytes);
  });

  test('URLs of the FHIR server are ours in it, wherever a piece ends', async () => {
    const url = `${server.base}/Patient/patient-02`;
    holds(document('d1', 3 * MB, { behind: `"}}],"author":[{"reference":"${url}"}]}` }), 'DocumentReference/d1');
    const { last } = await drink(await ask(backend, 'DocumentReference/d1'));
    expect(last.toString()).toContain(
      '"author":[{"reference":"https://gatehouse.example.org/fhir/Patient/patient-02"}]}',
    );
    expect(await completed()).toMatchObject({ data: { patients: ['vault-patient-01', 'vault-patient-02'] } });
  });

  test('another patient’s is as good as not there, and nothing of it is waited for', async () => {
    holds(binary('b2', 'patient-02', 50 * MB), 'Binary/b2');
    const hidden = await gateway.call(own, '/Binary/b2');
    expect(hidden).toEqual(await gateway.call(own, '/Binary/none'));
    expect(hidden.status).toBe(404);
    await expectAllEnded();
    expect(server.sent).toBeLessThan(20 * MB);
  });

  test('HEAD, and a caller who has it, get no body, and nothing of it is waited for', async () => {
    holds(binary('b1', 'patient-01', 50 * MB));
    const head = await ask(own, 'Binary/b1', {}, 'HEAD');
    expect([head.statusCode, (await drink(head)).bytes]).toEqual([200, 0]);
    const same = await ask(own, 'Binary/b1', { 'if-none-match': 'W/"1"' });
    expect([same.statusCode, (await drink(same)).bytes]).toEqual([304, 0]);
    await expectAllEnded();
    expect(server.sent).toBeLessThan(40 * MB);
  });

  test('HEAD of what would be compressed is recorded as no byte that left, and with whom it told of', async () => {
    holds(document('d1', 5 * MB), 'DocumentReference/d1');
    const head = await ask(backend, 'DocumentReference/d1', { 'accept-encoding': 'gzip' }, 'HEAD');
    expect([head.statusCode, head.headers['content-encoding'], (await drink(head)).bytes]).toEqual([200, 'gzip', 0]);
    expect(await completed()).toMatchObject({
      data: { status: 200, bytes: 0, ending: 'sent', patients: ['vault-patient-01'] },
    });
    await expectAllEnded();
  });

  test('a caller who leaves is recorded as gone, with the patients of what it took', async () => {
    holds(document('d1', 100 * MB), 'DocumentReference/d1');
    for (const headers of [{}, { 'accept-encoding': 'gzip' }]) {
      const response = await ask(backend, 'DocumentReference/d1', headers);
      await once(response, 'readable');
      response.destroy();
      expect(await completed()).toMatchObject({ data: { ending: 'caller-gone', patients: ['vault-patient-01'] } });
      gateway.records.length = 0;
    }
    await expectAllEnded();
  });

  test('of one that names another patient behind its text the record says that it is not all, until all was read', async () => {
    const behind = '"}}],"author":[{"reference":"Patient/patient-02"}]}';
    holds(document('d1', 20 * MB, { behind }), 'DocumentReference/d1');
    const response = await ask(backend, 'DocumentReference/d1');
    await once(response, 'readable');
    response.destroy();
    const known = { ending: 'caller-gone', patients: ['vault-patient-01'], patientsIncomplete: true };
    expect(await completed()).toMatchObject({ data: known });
    for (const cutAt of [8 * MB, undefined]) {
      gateway.records.length = 0;
      const more = { behind, ...(cutAt === undefined ? {} : { cutAt }) };
      holds(document('d1', 20 * MB, more), 'DocumentReference/d1');
      await drink(await ask(backend, 'DocumentReference/d1'));
      const { data } = (await completed()) ?? {};
      if (cutAt === undefined) expect(data).not.toHaveProperty('patientsIncomplete');
      else expect(data).toMatchObject({ ...known, ending: 'upstream-failed' });
    }
    expect(await completed()).toMatchObject({ data: { patients: ['vault-patient-01', 'vault-patient-02'] } });
    await expectAllEnded();
  });

  test('many at once wait for each other’s end, and not for ever', async () => {
    holds(binary('b1', 'patient-01', 2 * MB));
    const all = await Promise.all(Array.from({ length: 6 }, async () => await drink(await ask(own, 'Binary/b1'))));
    expect(all.map(({ isWhole }) => isWhole)).toEqual(all.map(() => true));
  });

  test('slow readers keep nobody from being answered, and large resources have their places by turns', async () => {
    holds(binary('b1', 'patient-01', 100 * MB));
    const slowly = async (application: string) => await ask(own, 'Binary/b1', {}, 'GET', application);
    const slow: IncomingMessage[] = [];
    for (const application of ['a1', 'a1', 'a2', 'a2']) slow.push(await slowly(application));
    for (const application of ['a1', 'a2', 'a3']) {
      const answer = await ask(own, 'Patient/patient-01', {}, 'GET', application);
      expect([answer.statusCode, (await drink(answer)).isWhole]).toEqual([200, true]);
    }
    const seen = server.asked;
    const waits = slowly('a3');
    // It is asked for and left, and once more when there is a place.
    while (server.asked === seen) await nextTurn();
    slow[0]?.destroy();
    const next = await waits;
    expect([next.statusCode, server.asked - seen]).toEqual([200, 2]);
    for (const response of [...slow, next]) response.destroy();
    await gateway.idle();
    await expectAllEnded();
  }, 30_000);

  describe('of many short texts', () => {
    const concepts = Array.from({ length: 25_000 }, (_, at) => `{"code":"c${at}","display":"${'x'.repeat(200)}"}`);
    const codes = (more: Partial<LargeResource>): LargeResource => ({
      bytes: 2_000,
      before: `{"resourceType":"CodeSystem","id":"big","description":"${'x'.repeat(900_000)}","concept":[${concepts.join(',')}],"copyright":"`,
      behind: '"}',
      ...more,
    });
    const read = async (maxBytes: number, more: Partial<LargeResource>, memory?: number) => {
      holds(codes(more), 'CodeSystem/big');
      const wide = new Upstream({ baseUrl: server.base, timeoutMs: 5_000, maxBytes, passedMaxBytes: PASSED, ...few });
      const guarded = new GatewayInProcess(wide, [], [], {}, [], undefined, undefined, false, memory);
      await guarded.start();
      guarded.believe(backend);
      const headers = { authorization: 'Bearer abc' };
      const path = `http://127.0.0.1:${guarded.port}/fhir/CodeSystem/big`;
      const [response] = (await once(get(path, { headers, agent: false }), 'response')) as [IncomingMessage];
      const { isWhole } = await drink(response);
      await Promise.all([guarded.close(), wide.close()]);
      return [response.statusCode, response.headers['content-length'] !== undefined, isWhole];
    };

    test('what says that it can be held is held; what does not say so passes by, and is whole', async () => {
      expect(await read(32 * MB, { tellsLength: true })).toEqual([200, true, true]);
      expect(await read(32 * MB, {})).toEqual([200, false, true]);
    });

    test('nothing of it takes more than may be held, of one or of all', async () => {
      expect(await read(4 * MB, {})).toEqual([200, false, false]);
      expect(await read(32 * MB, {}, 3 * MB)).toEqual([200, false, false]);
    });
  });

  describe('is cut, so that nobody takes a part for the whole', () => {
    test('where the FHIR server breaks off', async () => {
      holds(binary('b1', 'patient-01', 20 * MB, { cutAt: 8 * MB }));
      const { isWhole, bytes } = await drink(await ask(own, 'Binary/b1'));
      expect([isWhole, bytes > 5 * MB]).toEqual([false, true]);
      expect(await completed()).toMatchObject({ data: { ending: 'upstream-failed', bytes: expect.any(Number) } });
      await expectAllEnded();
    });

    test('beyond the bound of what passes; where its length is told, nothing of it leaves', async () => {
      const narrow = new Upstream({
        ...{ baseUrl: server.base, timeoutMs: 5_000, maxBytes: HELD, passedMaxBytes: 10 * MB },
        ...few,
      });
      const guarded = new GatewayInProcess(narrow);
      await guarded.start();
      guarded.believe(own);
      const read = async () => {
        const request = get(`http://127.0.0.1:${guarded.port}/fhir/Binary/b1`, {
          headers: { authorization: 'Bearer abc' },
          agent: false,
        });
        const [response] = (await once(request, 'response')) as [IncomingMessage];
        return { status: response.statusCode, ...(await drink(response)) };
      };
      holds(binary('b1', 'patient-01', 30 * MB));
      const cut = await read();
      expect([cut.status, cut.isWhole, cut.bytes <= 10 * MB]).toEqual([200, false, true]);
      holds(binary('b1', 'patient-01', 30 * MB, { tellsLength: true }));
      // Whose it is was not told.
      expect(await read()).toMatchObject({ status: 404, isWhole: true });
      await Promise.all([guarded.close(), narrow.close()]);
    });

    test.each([
      ['another member behind the data', '","securityContext":{"reference":"Patient/patient-02"}}'],
      ['a key that stands twice', '","contentType":"text/html"}'],
      ['no end', '"'],
      ['something behind its end', '"}{}'],
    ])('where it does not end as it began: %s', async (_what, behind) => {
      for (const patient of ['patient-01', undefined]) {
        holds(binary('b1', patient, 3 * MB, { behind }));
        const { isWhole, last } = await drink(await ask(backend, 'Binary/b1'));
        expect([isWhole, last.toString().endsWith(behind)]).toEqual([false, false]);
        expect(await completed()).toMatchObject({ data: { ending: 'upstream-failed' } });
        gateway.records.length = 0;
      }
    });

    test.each([
      ['revoked', (): EffectiveAccess => ({ ...open, status: 'closed', why: 'revoked', scopes: [] })],
      ['narrowed', (): EffectiveAccess => ({ ...open, scopes: ['patient/Patient.rs'] })],
    ])('when access is %s: not a byte is handed over afterwards', async (_what, ended) => {
      holds(binary('b1', 'patient-01', 200 * MB));
      const response = await ask(own, 'Binary/b1');
      let handed: number | undefined;
      const { isWhole, bytes } = await drink(response, (now) => {
        if (handed !== undefined || now < 5 * MB) return;
        gateway.inForce = ended();
        gateway.openCalls.lookAgain('a1');
        handed = server.sent;
      });
      expect(isWhole).toBe(false);
      expect(await completed()).toMatchObject({ data: { ending: 'cut' } });
      await server.idle();
      // What the server sent since was on its way.
      expect(server.sent - (handed ?? 0)).toBeLessThan(20 * MB);
      expect(bytes).toBeLessThan(handed ?? 0);
    });

    test('when its token has expired', async () => {
      holds(binary('b1', 'patient-01', 200 * MB));
      const response = await ask(own, 'Binary/b1');
      const later = Date.now() + 7_200_000;
      const clock = jest.spyOn(Date, 'now');
      const { isWhole } = await drink(response, (now) => {
        if (now > 5 * MB) clock.mockReturnValue(later);
      });
      clock.mockRestore();
      expect(isWhole).toBe(false);
      expect(await completed()).toMatchObject({ data: { ending: 'cut' } });
      await server.idle();
    });

    test('before its first piece: it is told, and recorded as withheld', async () => {
      // So much is its beginning; the first piece leaves when more has come.
      holds(binary('b1', 'patient-01', 20 * MB, { stopsAt: 262_144 }));
      const asked = ask(own, 'Binary/b1');
      while (gateway.records.length === 0 || server.sent < 262_144) await nextTurn();
      for (let at = 0; at < 20; at++) await nextTurn();
      gateway.inForce = { ...open, status: 'closed', why: 'revoked', scopes: [] };
      gateway.openCalls.lookAgain('a1');
      const response = await asked;
      expect([response.statusCode, (await drink(response)).isWhole]).toEqual([401, true]);
      expect(await completed()).toMatchObject({ data: { status: 401, ending: 'withheld', bytes: 0 } });
      await server.idle();
    });
  });

  describe('is needed whole, and refused beyond what is held', () => {
    const withheldFrom: [string, LargeResource, ModelToken, 404 | 502][] = [
      [
        'a Binary whose data stands before what it belongs to',
        {
          bytes: 3 * MB,
          before: '{"resourceType":"Binary","id":"b1","data":"',
          behind: '","securityContext":{"reference":"Patient/patient-01"}}',
        },
        own,
        404,
      ],
      [
        'a Binary that belongs to nothing, for who may not see everything',
        binary('b1', undefined, 3 * MB),
        { scopes: [{ context: 'system', type: 'Binary', letters: 'r', conditions: [] }] },
        404,
      ],
      [
        'one that says who it is at its end',
        { bytes: 3 * MB, before: '{"text":{"div":"', behind: '"},"id":"b1"}' },
        backend,
        502,
      ],
    ];
    test.each(withheldFrom)('%s', async (_what, resource, token, status) => {
      holds(resource);
      const answer = await gateway.call(token, '/Binary/b1');
      expect(answer.status).toBe(status);
      // That it is there is told to whom it is seen for certain.
      if (status === 404) expect(answer).toEqual(await gateway.call(token, '/Binary/none'));
      else expect(answer.text).toContain('too-costly');
      await expectAllEnded();
    });

    test.each([
      ['that comes without its length', {}],
      ['that says how long it is', { tellsLength: true }],
    ] as const)('what is hidden %s answers as what nobody has, however it is asked for', async (_what, more) => {
      const theirs = { reference: 'Patient/patient-02' };
      const before = `{"resourceType":"DocumentReference","id":"d2","subject":${JSON.stringify(theirs)},"content":[{"attachment":{"data":"`;
      for (const id of ['d2', 'd2/_history/1'])
        holds(document('d2', 3_000 * MB, { ...more, before }), `DocumentReference/${id}`);
      const updated = { resourceType: 'DocumentReference', status: 'current', subject: own.patient, content: [] };
      const write = { headers: { 'content-type': 'application/fhir+json' } };
      for (const [method, path] of [
        ['GET', ''],
        ['GET', '/_history'],
        ['GET', '/_history/1'],
        ['PUT', ''],
        ['DELETE', ''],
      ]) {
        const ask = async (id: string) => {
          const body = method === 'PUT' ? { body: JSON.stringify({ ...updated, id }) } : {};
          const init = { method: method ?? '', ...write, ...body };
          return await gateway.call(own, `/DocumentReference/${id}${path}`, init);
        };
        const [hidden, none] = [await ask('d2'), await ask('none')];
        expect([method, path, hidden.status, hidden.text]).toEqual([method, path, none.status, none.text]);
      }
      await expectAllEnded();
    });

    test('one that says behind its text whose it is: who takes a part of it would stand in no record', async () => {
      const before = '{"resourceType":"DocumentReference","id":"d1","content":[{"attachment":{"data":"';
      const behind = '"}}],"subject":{"reference":"Patient/patient-01"}}';
      holds({ bytes: 3 * MB, before, behind }, 'DocumentReference/d1');
      expect((await gateway.call(backend, '/DocumentReference/d1')).status).toBe(502);
      gateway.records.length = 0;
      holds({ bytes: 800_000, before, behind }, 'DocumentReference/d1');
      expect((await gateway.call(backend, '/DocumentReference/d1')).status).toBe(200);
      expect(await completed()).toMatchObject({ data: { patients: ['vault-patient-01'] } });
      await expectAllEnded();
    });

    test('what is seen in part', async () => {
      holds(document('d1', 3 * MB), 'DocumentReference/d1');
      expect((await gateway.call(own, '/DocumentReference/d1')).status).toBe(502);
      holds(document('d1', 800_000), 'DocumentReference/d1');
      expect((await gateway.call(own, '/DocumentReference/d1')).status).toBe(200);
      await expectAllEnded();
    });
  });
});

describe.each(guardedServers)('a file that is larger than is held, before %s', (_name, listen) => {
  const data = Buffer.alloc(3 * MB, 'A').toString('latin1');
  const file = (id: string, more: object) => ({ resourceType: 'Binary', id, contentType: 'x/y', ...more, data });
  const of = (patient: string) => ({ securityContext: { reference: `Patient/${patient}` } });
  let guarded: Guarded;
  let upstream: Upstream;
  let gateway: GatewayInProcess;

  beforeAll(async () => {
    guarded = await listen();
    await putOn(guarded, [
      file('large', of('patient-01')),
      file('large-theirs', of('patient-02')),
      file('large-nobodys', {}),
      file('large-shown', {}),
      {
        resourceType: 'DocumentReference',
        id: 'shows-large',
        status: 'current',
        subject: { reference: 'Patient/patient-01' },
        content: [{ attachment: { url: 'Binary/large-shown' } }],
      },
    ]);
    upstream = new Upstream({
      baseUrl: guarded.base,
      timeoutMs: 5_000,
      maxBytes: HELD,
      passedMaxBytes: PASSED,
      ...few,
    });
    gateway = new GatewayInProcess(upstream);
    await gateway.start();
  });
  afterAll(async () => {
    await Promise.all([gateway.close(), upstream.close()]);
    await guarded.close();
  });

  test('passes by whole, with its patient on record', async () => {
    gateway.records.length = 0;
    const { status, text } = await gateway.call(own, '/Binary/large');
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({ resourceType: 'Binary', id: 'large', data });
    await gateway.idle();
    expect(gateway.records).toMatchObject([
      { type: 'access-allowed' },
      { type: 'access-completed', data: { ending: 'sent', patients: ['vault-patient-01'] } },
    ]);
  });

  test('of somebody else is answered like what nobody has', async () => {
    expect(await gateway.call(own, '/Binary/large-theirs')).toEqual(await gateway.call(own, '/Binary/none'));
  });

  test('that does not say what it belongs to passes for who sees everything alone', async () => {
    expect((await gateway.call(backend, '/Binary/large-nobodys')).status).toBe(200);
    expect(await gateway.call(own, '/Binary/large-nobodys')).toEqual(await gateway.call(own, '/Binary/none'));
  });

  test('that a document shows is told to be too large', async () => {
    const { status, text } = await gateway.call(own, '/Binary/large-shown');
    expect([status, text]).toEqual([502, expect.stringContaining('too-costly')]);
  });
});
