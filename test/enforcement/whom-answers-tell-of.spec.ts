import { Upstream } from '../../apps/gateway/src/ask-upstream/upstream.js';
import { GatewayInProcess } from './gateway-in-process.js';
import { type Guarded, guardedServers } from './guarded-servers.js';
import type { ModelToken } from './model.js';

const backend: ModelToken = { scopes: [{ context: 'system', type: '*', letters: 'rs', conditions: [] }] };
const found = 'patient=patient-01&category=laboratory';
const one = ['vault-patient-01'];

describe.each(guardedServers)('the record of an answer names whom it tells of, before %s', (_name, listen) => {
  let guarded: Guarded;
  let upstream: Upstream;
  let gateway: GatewayInProcess;

  beforeAll(async () => {
    guarded = await listen();
    const slots = { total: 64, perApplication: 64, waitingPerApplication: 64 };
    upstream = new Upstream({ baseUrl: guarded.base, timeoutMs: 5_000, maxBytes: 10_000_000, slots, breakMs: 1_000 });
    gateway = new GatewayInProcess(upstream);
    await gateway.start();
  });
  afterAll(async () => {
    await Promise.all([gateway.close(), upstream.close()]);
    await guarded.close();
  });

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
    gateway.records.length = 0;
    expect((await gateway.call(backend, target, init)).status).toBe(status);
    await gateway.idle();
    const [completed] = gateway.records.filter(({ type }) => type === 'access-completed');
    expect(completed).toMatchObject({ data: { status, patients } });
  });

  test('entries of a batch that show in part, or nothing', async () => {
    gateway.records.length = 0;
    const entry = [
      { request: { method: 'GET', url: `Observation?${found}&_elements=status` } },
      { request: { method: 'GET', url: `Observation?${found}&_summary=count` } },
      { request: { method: 'GET', url: 'Patient/patient-01', ifNoneMatch: '*' } },
    ];
    const body = JSON.stringify({ resourceType: 'Bundle', type: 'batch', entry });
    const headers = { 'content-type': 'application/fhir+json' };
    expect((await gateway.call(backend, '/', { method: 'POST', headers, body })).status).toBe(200);
    await gateway.idle();
    const told = gateway.records.flatMap(({ type, data }) =>
      type === 'access-completed' && 'patients' in data ? [data.patients] : [],
    );
    expect(told.filter((it) => it.length > 0)).toHaveLength(3);
  });
});
