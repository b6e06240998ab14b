import type { StoredResource } from '#testing';
import { type Admission, Admissions } from '../../apps/gateway/src/admit-patients/admissions.js';
import { Upstream } from '../../apps/gateway/src/ask-upstream/upstream.js';
import { entry, mine, observation, theirs } from './bundle-trial.js';
import { GatewayInProcess, type SeenAnswer } from './gateway-in-process.js';
import { backend, type Guarded, guardedServers, own, roomy } from './guarded-servers.js';
import type { ModelToken } from './model.js';
import { ToldRegister } from './told-register.js';

interface Bundle {
  readonly total?: number;
  readonly entry?: readonly { readonly resource?: StoredResource; readonly response?: { readonly status: string } }[];
}

describe.each(guardedServers)('of which patients applications see anything, before %s', (_name, listen) => {
  const register = new ToldRegister();
  let guarded: Guarded;
  let upstream: Upstream;
  const opened: GatewayInProcess[] = [];

  beforeEach(async () => {
    register.isAway = false;
    register.asked.length = 0;
    register.said.clear();
    register.said.set('patient-01', 'permit');
    guarded = await listen();
    upstream = new Upstream({ baseUrl: guarded.base, timeoutMs: 5_000, maxBytes: 10_000_000, ...roomy });
  });
  afterEach(async () => {
    await Promise.all([...opened.splice(0).map(async (it) => await it.close()), upstream.close()]);
    await guarded.close();
  });

  const gatewayWith = async (kind: Admission['kind'] = 'attribution') => {
    const admissions = new Admissions([{ name: 'members', kind, register }]);
    const gateway = new GatewayInProcess(upstream, [], [], {}, [], undefined, admissions);
    await gateway.start();
    opened.push(gateway);
    return gateway;
  };
  const send = async (
    gateway: GatewayInProcess,
    method: string,
    target: string,
    body?: object,
    token: ModelToken = backend,
  ) =>
    await gateway.call(token, target, {
      method,
      headers: { 'content-type': 'application/fhir+json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const bundleIn = ({ text }: SeenAnswer) => JSON.parse(text) as Bundle;
  const idsIn = (answer: SeenAnswer) => (bundleIn(answer).entry ?? []).map(({ resource }) => resource?.id ?? '');
  const there = async (key: string) => (await fetch(`${guarded.base}/${key}`)).status === 200;

  test('a backend whose scopes reach everybody sees those attributed to it, by every read', async () => {
    const gateway = await gatewayWith();
    for (const target of [`/${mine}`, '/Patient/patient-01', '/Provenance/provenance-01', '/Binary/binary-01'])
      expect([target, (await send(gateway, 'GET', target)).status]).toEqual([target, 200]);
    const unknown = await send(gateway, 'GET', '/Observation/none');
    for (const target of [
      `/${theirs}`,
      `/${theirs}/_history/1`,
      `/${theirs}/_history`,
      '/Patient/patient-02',
      '/Patient/patient-02/$everything',
      '/Provenance/provenance-02',
      '/Binary/binary-02',
    ]) {
      const { status, text } = await send(gateway, 'GET', target);
      expect([target, status, text]).toEqual([target, 404, unknown.text]);
    }
    expect((await send(gateway, 'GET', '/Practitioner/practitioner-01')).status).toBe(200);
  });

  test('searches find and count no others, and bring none along', async () => {
    const gateway = await gatewayWith();
    const answer = await send(gateway, 'GET', '/Observation?_count=100');
    const ids = idsIn(answer);
    expect(ids.length).toBeGreaterThan(0);
    expect(ids.every((it) => it.startsWith('observation-01-'))).toBe(true);
    expect(bundleIn(answer).total).toBe(ids.length);
    expect(idsIn(await send(gateway, 'GET', '/Patient?_count=100&_revinclude=Observation:patient'))).not.toContain(
      'observation-02-laboratory',
    );
    expect((await send(gateway, 'GET', '/Patient?_has:Observation:patient:code=4548-4')).status).toBe(403);
    // Each patient is asked about once.
    const before = register.asked.length;
    await send(gateway, 'GET', '/Observation?patient=patient-01&_count=100');
    expect(register.asked.slice(before)).toEqual(['patient-01']);
  });

  test('nothing is written about others, nor moved to them, by itself or in a Bundle', async () => {
    const gateway = await gatewayWith();
    const id = mine.slice('Observation/'.length);
    expect((await send(gateway, 'POST', '/Observation', observation('patient-02'))).status).toBe(403);
    expect((await send(gateway, 'PUT', `/${mine}`, observation('patient-02', { id }))).status).toBe(403);
    const deletion = guarded.deletesUnasked === true ? 403 : 404;
    expect((await send(gateway, 'DELETE', `/${theirs}`)).status).toBe(deletion);
    const bundle = (type: string, entries: object[]) => ({ resourceType: 'Bundle', type, entry: entries });
    const entries = [entry(`GET ${theirs}`), entry(`GET ${mine}`), entry(`DELETE ${theirs}`)];
    const batch = bundleIn(await send(gateway, 'POST', '/', bundle('batch', entries)));
    expect(batch.entry?.map(({ response }) => response?.status.slice(0, 3))).toEqual(['404', '200', `${deletion}`]);
    const writes = [entry(`DELETE ${mine}`), entry('POST Observation', observation('patient-02'))];
    expect((await send(gateway, 'POST', '/', bundle('transaction', writes))).status).toBe(403);
    expect([await there(mine), await there(theirs)]).toEqual([true, true]);
  });

  test('what names somebody else as well, or nobody, is nobody’s to give', async () => {
    const gateway = await gatewayWith();
    const both = { ...observation('patient-01'), performer: [{ reference: 'Patient/patient-02' }] };
    expect((await send(gateway, 'POST', '/Observation', both)).status).toBe(403);
    const foreign = { ...observation('patient-01'), subject: { reference: 'http://other.example/Patient/patient-01' } };
    expect((await send(gateway, 'POST', '/Observation', foreign)).status).toBe(403);
    expect((await send(gateway, 'POST', '/Observation', { ...observation('x'), subject: undefined })).status).toBe(403);
    // A type outside the compartment may be about anybody, whomever it names.
    const linkage = {
      resourceType: 'Linkage',
      item: [{ type: 'source', resource: { reference: 'Patient/patient-02' } }],
    };
    expect((await send(gateway, 'POST', '/Linkage', linkage)).status).toBe(403);
    const theirOwn = {
      resourceType: 'Linkage',
      item: [{ type: 'source', resource: { reference: 'Patient/patient-01' } }],
    };
    expect((await send(gateway, 'POST', '/Linkage', theirOwn)).status).toBe(403);
  });

  test.each(['attribution', 'opt-out'] as const)(
    '%s: what is about nobody is given from a closed list, unless it names somebody',
    async (kind) => {
      const byName: ModelToken = {
        scopes: ['Library', 'HealthcareService', 'PaymentNotice', 'BiologicallyDerivedProduct'].map((type) => ({
          context: 'system' as const,
          type,
          letters: 'cruds',
          conditions: [],
        })),
      };
      const put = async (resourceType: string, elements: object) => {
        const resource = { resourceType, id: 'told', ...elements };
        const response = await fetch(`${guarded.base}/${resourceType}/told`, {
          method: 'PUT',
          headers: { 'content-type': 'application/fhir+json' },
          body: JSON.stringify(resource),
        });
        expect(response.ok).toBe(true);
        await response.body?.cancel();
      };
      const gateway = await gatewayWith(kind);
      const seen = async (type: string, elements: object) => {
        await put(type, elements);
        const { status } = await send(gateway, 'GET', `/${type}/told`, undefined, byName);
        const found = idsIn(await send(gateway, 'GET', `/${type}?_count=50`, undefined, byName)).includes('told');
        expect([status, found]).toEqual(found ? [200, true] : [404, false]);
        return found;
      };
      const library = { status: 'active', type: { coding: [{ code: 'logic-library' }] } };
      const notice = { status: 'active', created: '2024-01-01' };
      expect(await seen('Library', library)).toBe(true);
      expect(await seen('HealthcareService', { providedBy: { reference: 'Organization/o' } })).toBe(true);
      expect(await seen('Library', { ...library, subjectReference: { reference: 'http://x.example/Patient/1' } })).toBe(
        false,
      );
      expect(await seen('Library', { ...library, subjectReference: { identifier: { value: '1' } } })).toBe(false);
      expect(await seen('PaymentNotice', notice)).toBe(false);
      expect(await seen('PaymentNotice', { ...notice, request: { reference: 'Claim/claim-02' } })).toBe(false);
      expect(await seen('BiologicallyDerivedProduct', {})).toBe(false);
    },
  );

  test('the history of a type is not given: it would show what moved to somebody else', async () => {
    const id = mine.slice('Observation/'.length);
    await fetch(`${guarded.base}/${mine}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/fhir+json' },
      body: JSON.stringify({ ...observation('patient-02'), id }),
    }).then(async (it) => await it.body?.cancel());
    const gateway = await gatewayWith();
    const answer = await send(gateway, 'GET', '/Observation/_history?_count=50');
    expect([answer.status, answer.text.includes(id)]).toEqual([403, false]);
    const batch = { resourceType: 'Bundle', type: 'batch', entry: [entry('GET Observation/_history')] };
    expect((await send(gateway, 'POST', '/', batch)).text).not.toContain(id);
    // Not every server has one: what is refused is refused here.
    expect((await send(gateway, 'GET', '/Practitioner/_history?_count=50')).status).not.toBe(403);
  });

  test('opt-in: who said nothing is not seen; opt-out: who objected is not', async () => {
    register.said.set('patient-02', 'deny');
    const statusOf = async (kind: Admission['kind'], patient: string) =>
      (await send(await gatewayWith(kind), 'GET', `/Patient/${patient}`)).status;
    expect(await statusOf('opt-in', 'patient-01')).toBe(200);
    expect(await statusOf('opt-in', 'patient-02')).toBe(404);
    expect(await statusOf('opt-in', 'patient-03')).toBe(404);
    expect(await statusOf('opt-out', 'patient-01')).toBe(200);
    expect(await statusOf('opt-out', 'patient-02')).toBe(404);
    expect(await statusOf('opt-out', 'patient-03')).toBe(200);
  });

  test('patient/ and user/ scopes are cut as well', async () => {
    register.said.set('patient-01', 'deny');
    const gateway = await gatewayWith('opt-out');
    expect((await send(gateway, 'GET', `/${mine}`, undefined, own)).status).toBe(404);
    const user: ModelToken = {
      scopes: [{ context: 'user', type: '*', letters: 'rs', conditions: [] }],
      fhirUser: 'Practitioner/practitioner-01',
    };
    expect((await send(gateway, 'GET', `/${mine}`, undefined, user)).status).toBe(404);
    expect((await send(gateway, 'GET', `/${theirs}`, undefined, user)).status).toBe(200);
  });

  test.each(['attribution', 'opt-in', 'opt-out'] as const)(
    '%s without an answer: nothing leaves, nothing is written, and nothing shows what is there',
    async (kind) => {
      register.isAway = true;
      const gateway = await gatewayWith(kind);
      const answers = [
        await send(gateway, 'GET', `/${mine}`),
        await send(gateway, 'GET', `/${theirs}`),
        await send(gateway, 'GET', '/Observation/none'),
        await send(gateway, 'GET', '/Observation?_count=50'),
        await send(gateway, 'GET', '/Observation?_id=none'),
        await send(gateway, 'PUT', `/${mine}`, { ...observation('patient-01'), id: mine.slice('Observation/'.length) }),
        // A server that deletes whatever version is named is sent no deletion at all.
        ...(guarded.deletesUnasked === true ? [] : [await send(gateway, 'DELETE', `/${mine}`)]),
      ];
      for (const answer of answers) expect(answer).toMatchObject({ status: 503, text: answers[0]?.text });
      expect(await there(mine)).toBe(true);
      expect((await send(gateway, 'GET', '/Practitioner/practitioner-01')).status).toBe(200);
    },
  );

  test('records say by whom, and how many', async () => {
    const gateway = await gatewayWith();
    await send(gateway, 'GET', `/${theirs}`);
    await gateway.idle();
    expect(gateway.records.map(({ data }) => data)).toMatchObject([
      { interaction: 'read', rightsBy: ['members'] },
      { status: 404, bytes: 0, rights: [{ by: 'members', allowed: 0, denied: 1, unanswered: 0 }] },
    ]);
  });
});
