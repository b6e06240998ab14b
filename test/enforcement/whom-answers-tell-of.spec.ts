import { GatewayInProcess, HostileUpstream } from './gateway-in-process.js';
import { gatewayBefore, type GuardedGateway } from './guarded-gateway.js';
import { data as sandbox, guardedServers, own } from './guarded-servers.js';
import type { ModelToken } from './model.js';

const backend: ModelToken = { scopes: [{ context: 'system', type: '*', letters: 'rs', conditions: [] }] };
const laboratory: ModelToken = {
  scopes: [
    { context: 'system', type: 'Observation', letters: 'rs', conditions: [{ name: 'category', value: 'laboratory' }] },
  ],
};
const everybody = sandbox.flatMap(({ resourceType, id }) => (resourceType === 'Patient' ? [`vault-${id}`] : []));
const found = 'patient=patient-01&category=laboratory';
const one = ['vault-patient-01'];

describe.each(guardedServers)('the record of an answer names whom it tells of, before %s', (_name, listen) => {
  let before: GuardedGateway;
  beforeAll(async () => (before = await gatewayBefore(listen)));
  afterAll(async () => await before.close());

  test.each<[string, string, RequestInit, number, readonly string[]]>([
    ['a search', `/Observation?${found}`, {}, 200, one],
    ['elements without the subject', `/Observation?${found}&_elements=code,status`, {}, 200, one],
    ['a summary without the subject', `/Observation?${found}&_summary=text`, {}, 200, one],
    ['a count', `/Observation?${found}&_summary=count`, {}, 200, one],
    ['a page of nothing', `/Observation?${found}&_count=0`, {}, 200, one],
    ['what is included in part', `/Observation?${found}&_include=Observation:patient&_elements=status`, {}, 200, one],
    ['that it is as it was', '/Patient/patient-01', { headers: { 'if-none-match': '*' } }, 304, one],
    ['a head', '/Patient/patient-01', { method: 'HEAD' }, 200, one],
    ['nobody', '/Observation?patient=patient-none&_summary=count', {}, 200, []],
  ])('%s', async (_what, target, init, status, patients) => {
    before.gateway.records.length = 0;
    expect((await before.gateway.call(backend, target, init)).status).toBe(status);
    await before.gateway.idle();
    const [completed] = before.gateway.records.filter(({ type }) => type === 'access-completed');
    expect(completed).toMatchObject({ data: { status, patients } });
  });

  test.each([
    ['a Provenance', '/Provenance/provenance-01'],
    ['a search for one', '/Provenance?target=Observation/observation-01-laboratory'],
    ['versions of one', '/Provenance/provenance-01/_history'],
    ['a Binary', '/Binary/binary-01'],
    ['a record of which nothing is asked for', '/Patient/patient-01/$everything?_type=Media'],
  ])('by what it belongs to: %s', async (_what, target) => {
    before.gateway.records.length = 0;
    expect((await before.gateway.call(own, target)).status).toBe(200);
    await before.gateway.idle();
    const [completed] = before.gateway.records.filter(({ type }) => type === 'access-completed');
    expect(completed).toMatchObject({ data: { patients: one } });
  });

  test.each<[string, ModelToken, string, string[] | 'some', boolean]>([
    ['counted here, all are named', laboratory, '/Observation?_count=1&_total=accurate', everybody, false],
    ['of the server, it may be of others', backend, '/Observation?_count=1', 'some', true],
    ['of the page alone, it is of those', backend, `/Observation?${found}`, one, false],
    ['that is not told is of nobody', backend, '/Observation?_count=1&_total=none', 'some', false],
  ])('a total: %s', async (_what, token, target, patients, isIncomplete) => {
    before.gateway.records.length = 0;
    expect((await before.gateway.call(token, target)).status).toBe(200);
    await before.gateway.idle();
    const told = before.gateway.records.flatMap(({ type, data }) =>
      type === 'access-completed' && 'patients' in data ? [data] : [],
    );
    expect(told.map((it) => it.patientsIncomplete)).toEqual([isIncomplete ? true : undefined]);
    if (patients === 'some') expect(told[0]?.patients).toHaveLength(1);
    else expect(new Set(told[0]?.patients)).toEqual(new Set(patients));
  });

  test('entries of a batch that show in part, or nothing', async () => {
    before.gateway.records.length = 0;
    const entry = [
      { request: { method: 'GET', url: `Observation?${found}&_elements=status` } },
      { request: { method: 'GET', url: `Observation?${found}&_summary=count` } },
      { request: { method: 'GET', url: 'Patient/patient-01', ifNoneMatch: '*' } },
    ];
    const body = JSON.stringify({ resourceType: 'Bundle', type: 'batch', entry });
    const headers = { 'content-type': 'application/fhir+json' };
    expect((await before.gateway.call(backend, '/', { method: 'POST', headers, body })).status).toBe(200);
    await before.gateway.idle();
    const told = before.gateway.records.flatMap(({ type, data }) =>
      type === 'access-completed' && 'patients' in data ? [data.patients] : [],
    );
    expect(told.filter((it) => it.length > 0)).toHaveLength(3);
  });
});

test('the record of a count of very many names some of them, and says that there are others', async () => {
  const upstream = new HostileUpstream();
  const gateway = new GatewayInProcess(upstream);
  await gateway.start();
  try {
    const patientsOf = async (many: number) => {
      upstream.holds(Array.from({ length: many }, (_, at) => ({ resourceType: 'Patient', id: `p${at}` })));
      gateway.records.length = 0;
      expect((await gateway.call(backend, '/Patient?_summary=count')).text).toContain(`"total":${many}`);
      await gateway.idle();
      return gateway.records.flatMap(({ type, data }) =>
        type === 'access-completed' && 'patients' in data ? [[data.patients.length, data.patientsIncomplete]] : [],
      );
    };
    expect(await patientsOf(200)).toEqual([[200, undefined]]);
    expect(await patientsOf(201)).toEqual([[200, true]]);
  } finally {
    await gateway.close();
  }
});

test('a record that would be too large for the log names some of them, and says that there are others', async () => {
  const upstream = new HostileUpstream();
  const gateway = new GatewayInProcess(upstream);
  await gateway.start();
  try {
    const member = Array.from({ length: 6_000 }, (_, at) => ({ entity: { reference: `Patient/p${at}` } }));
    upstream.holds([{ resourceType: 'Group', id: 'g1', type: 'person', actual: true, member }]);
    expect((await gateway.call(backend, '/Group/g1')).status).toBe(200);
    await gateway.idle();
    const [completed] = gateway.records.flatMap(({ type, data }) =>
      type === 'access-completed' && 'patients' in data ? [data] : [],
    );
    expect([completed?.patients.length, completed?.patientsIncomplete]).toEqual([5_000, true]);
  } finally {
    await gateway.close();
  }
});
