import type { WithholdingRule } from '#smart';
import { Upstream } from '../../apps/gateway/src/ask-upstream/upstream.js';
import { BASE, GatewayInProcess, type SeenAnswer } from './gateway-in-process.js';
import { backend, data, type Guarded, guardedServers, listenHostileWith, own, roomy } from './guarded-servers.js';
import type { ModelScope, ModelToken } from './model.js';

const theirs = 'Observation/observation-02-laboratory';
const observation = (id: string, more: object = {}) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { text: 'x' },
  subject: { reference: 'Patient/patient-01' },
  ...more,
});
const ofCategory = (code: string) => ({
  category: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code }] }],
});
const scope = (letters: string, category?: string): ModelScope => ({
  context: 'system',
  type: 'Observation',
  letters,
  conditions: category === undefined ? [] : [{ name: 'category', value: category }],
});
const withheld: WithholdingRule = { name: 'restricted', types: ['Observation'], codes: ['urn:x|hiv'] };

const refusing = (status: 404 | 405): (typeof guardedServers)[number] => [
  `a hostile server by which no update creates (${status})`,
  async () => await listenHostileWith((server) => (server.updateOfNothing = status)),
];

describe.each([...guardedServers, refusing(404), refusing(405)])(
  'updates of what is not there, before %s',
  (_name, listen) => {
    let guarded: Guarded;
    let upstream: Upstream;
    let gateway: GatewayInProcess;
    /** Whether the server updates nothing that is there where it is told that nothing may be (`If-None-Match: *`). */
    let keepsAbsence: boolean;
    /** Whether an update creates: where it does not, whatever would create is told that there is nothing. */
    let creates: boolean;

    const gatewayWith = async (withhold: readonly WithholdingRule[] = []) => {
      const it = new GatewayInProcess(upstream, withhold, [], {}, [], undefined, undefined, true);
      await it.start();
      return it;
    };
    beforeAll(async () => {
      guarded = await listen();
      upstream = new Upstream({ baseUrl: guarded.base, timeoutMs: 5_000, maxBytes: 10_000_000, ...roomy });
      gateway = await gatewayWith();
      const statusOf = async (resource: { readonly resourceType: string; readonly id: string }, headers: object) => {
        const { status } = await fetch(`${guarded.base}/${resource.resourceType}/${resource.id}`, {
          method: 'PUT',
          headers: { 'content-type': 'application/fhir+json', ...headers },
          body: JSON.stringify(resource),
        });
        return status;
      };
      const known = data.find(({ resourceType }) => resourceType === 'Practitioner') ?? { resourceType: '', id: '' };
      keepsAbsence = [409, 412].includes(await statusOf(known, { 'if-none-match': '*' }));
      const basic = { resourceType: 'Basic', id: 'does-it-create', code: { text: 'x' } };
      const status = await statusOf(basic, {});
      expect([200, 201, 404, 405]).toContain(status);
      creates = keepsAbsence && status < 300;
    });
    beforeEach(() => void (gateway.records.length = 0));
    afterAll(async () => {
      await Promise.all([gateway.close(), upstream.close()]);
      await guarded.close();
    });

    const put = async (
      token: ModelToken,
      body: { readonly id: string },
      headers: Readonly<Record<string, string>> = {},
      at = gateway,
    ): Promise<SeenAnswer> =>
      await at.call(token, `/Observation/${body.id}`, {
        method: 'PUT',
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/fhir+json', ...headers },
      });
    const isThere = async (id: string) => (await fetch(`${guarded.base}/Observation/${id}`)).status === 200;

    test('one is created for a token from which nothing is hidden, where the server does so, and it is on record', async () => {
      const answer = await put(backend, observation('made-1'));
      expect([answer.status, await isThere('made-1')]).toEqual(creates ? [201, true] : [404, false]);
      await gateway.idle();
      const written = { resourceType: 'Observation', resourceId: 'made-1' };
      if (!keepsAbsence) {
        const denied = { ...written, interaction: 'update', status: 404 };
        expect(gateway.records).toMatchObject([{ type: 'access-denied', data: denied }]);
        return;
      }
      expect(gateway.records).toMatchObject([
        { type: 'access-allowed', data: { interaction: 'update', patients: ['vault-patient-01'] } },
        {
          type: 'access-completed',
          data: creates
            ? { status: 201, written: { ...written, outcome: 'changed', versionId: '1' } }
            : { status: 404, written: { ...written, outcome: 'unchanged' } },
        },
      ]);
      if (!creates) return;
      expect(answer.headers).toMatchObject({ etag: 'W/"1"', location: `${BASE}/Observation/made-1/_history/1` });
      expect((await put(backend, observation('made-1', { status: 'amended' }))).status).toBe(200);
    });

    test('the scope of update allows it, the scope of creation does not', async () => {
      expect((await put({ scopes: [scope('cr')] }, observation('made-2'))).status).toBe(403);
      // An update of a part of a type reaches no whole of it.
      const laboratory: ModelToken = { scopes: [scope('crs'), scope('u', 'laboratory')] };
      expect((await put(laboratory, observation('made-2', ofCategory('laboratory')))).status).toBe(404);
      expect(await isThere('made-2')).toBe(false);
      expect((await put({ scopes: [scope('u')] }, observation('made-2'))).status).toBe(creates ? 201 : 404);
    });

    test('who names a version means one that is there', async () => {
      const answer = await put(backend, observation('made-3'), { 'if-match': 'W/"1"' });
      expect(answer.status).toBe(keepsAbsence ? 412 : 404);
      expect(await isThere('made-3')).toBe(false);
    });

    test('who says that nothing may be there overwrites nothing', async () => {
      const absent = { 'if-none-match': '*' };
      expect((await put(backend, observation('made-7'), absent)).status).toBe(creates ? 201 : 404);
      const known = observation('observation-01-laboratory', { status: 'amended' });
      expect((await put(backend, known, absent)).status).toBe(412);
      expect((await put(backend, known, { 'if-none-match': 'W/"1"' })).status).toBe(400);
      expect(await put(own, observation(theirs.split('/')[1] ?? ''), absent)).toEqual(
        await put(own, observation('made-8'), absent),
      );
      const there = await fetch(`${guarded.base}/Observation/${known.id}`);
      expect(await there.json()).not.toMatchObject({ status: 'amended' });
    });

    test('nothing is created where something is hidden: an id that may not be seen answers like one that is not there', async () => {
      const restricted = await gatewayWith([withheld]);
      const trials: readonly (readonly [ModelToken, string, GatewayInProcess])[] = [
        [own, theirs, gateway],
        [{ ...own, scopes: [{ ...scope('cruds'), context: 'user' }] }, theirs, gateway],
        [{ scopes: [scope('cruds', 'vital-signs')] }, theirs, gateway],
        [backend, 'Observation/hiv-1', restricted],
      ];
      if (creates) await put(backend, observation('hiv-1', { code: { coding: [{ system: 'urn:x', code: 'hiv' }] } }));
      for (const [token, hidden, at] of trials) {
        const known = await put(token, observation(hidden.split('/')[1] ?? '', ofCategory('vital-signs')), {}, at);
        const unknown = await put(token, observation('made-4', ofCategory('vital-signs')), {}, at);
        expect(known.status).toBe(404);
        expect(unknown).toEqual(known);
        expect(await isThere('made-4')).toBe(false);
      }
      await restricted.close();
    });

    test('in a batch as by itself; in a transaction nothing is created so', async () => {
      const send = async (type: string, id: string) => {
        const request = { method: 'PUT', url: `Observation/${id}` };
        const bundle = { resourceType: 'Bundle', type, entry: [{ resource: observation(id), request }] };
        const headers = { 'content-type': 'application/fhir+json' };
        return await gateway.call(backend, '', { method: 'POST', body: JSON.stringify(bundle), headers });
      };
      expect(JSON.parse((await send('batch', 'made-5')).text)).toMatchObject({
        entry: [{ response: { status: creates ? '201' : '404' } }],
      });
      expect((await send('transaction', 'made-6')).status).toBe(404);
      expect(await isThere('made-6')).toBe(false);
    });
  },
);

test('before a server that ignores If-None-Match no update creates: it would overwrite what came to be there meanwhile', async () => {
  const guarded = await listenHostileWith((server) => (server.keepsAbsence = false));
  const upstream = new Upstream({ baseUrl: guarded.base, timeoutMs: 5_000, maxBytes: 10_000_000, ...roomy });
  const gateway = new GatewayInProcess(upstream, [], [], {}, [], undefined, undefined, true);
  await gateway.start();
  const put = async (body: { readonly id: string }) => {
    const headers = { 'content-type': 'application/fhir+json' };
    const path = `/Observation/${body.id}`;
    return (await gateway.call(backend, path, { method: 'PUT', body: JSON.stringify(body), headers })).status;
  };
  expect(await put(observation('made-9'))).toBe(404);
  expect(await put(observation('observation-01-laboratory'))).toBe(200);
  const held = guarded.hostile?.holds() ?? [];
  expect(held.filter(({ id, resourceType }) => id === 'made-9' || resourceType === 'Basic')).toEqual([]);
  await Promise.all([gateway.close(), upstream.close()]);
  await guarded.close();
});
