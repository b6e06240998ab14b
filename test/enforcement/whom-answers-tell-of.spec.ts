import { GatewayInProcess, HostileUpstream } from './gateway-in-process.js';
import { gatewayBefore, type GuardedGateway } from './guarded-gateway.js';
import { guardedServers } from './guarded-servers.js';
import type { ModelToken } from './model.js';

const backend: ModelToken = { scopes: [{ context: 'system', type: '*', letters: 'rs', conditions: [] }] };
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
