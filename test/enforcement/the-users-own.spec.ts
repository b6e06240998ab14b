import { GatewayInProcess, HostileUpstream } from './gateway-in-process.js';
import type { ModelResource, ModelToken } from './model.js';

/** The scope `fhirUser` reads the user's own resource, and nothing else (SMART App Launch 2.2, Scopes for requesting identity data). */
const held: readonly ModelResource[] = [
  { resourceType: 'Practitioner', id: 'a', active: true },
  { resourceType: 'Practitioner', id: 'b', active: true },
  { resourceType: 'Patient', id: 'p1' },
  { resourceType: 'Patient', id: 'p2' },
  { resourceType: 'Observation', id: 'o1', subject: { reference: 'Patient/p1' } },
];
const observations = { context: 'patient', type: 'Observation', letters: 'rs', conditions: [] } as const;
const practitioner: ModelToken = { scopes: [observations], fhirUser: 'Practitioner/a', readsOwn: true };
const patient: ModelToken = { ...practitioner, fhirUser: 'Patient/p1' };

const upstream = new HostileUpstream();
const gateway = new GatewayInProcess(upstream);
const withholding = new GatewayInProcess(upstream, [{ name: 'opted out', patients: ['p1'] }]);
beforeAll(async () => await Promise.all([gateway.start(), withholding.start()]));
beforeEach(() => upstream.holds(held));
afterAll(async () => await Promise.all([gateway.close(), withholding.close()]));

const statusOf = async (token: ModelToken, target: string, at = gateway) => (await at.call(token, target)).status;

test.each([
  ['a practitioner, whom no rule lets see anything', practitioner, '/Practitioner/a'],
  [
    'by an address of ours',
    { ...practitioner, fhirUser: 'https://gatehouse.example.org/fhir/Practitioner/a' },
    '/Practitioner/a',
  ],
  ['a patient', patient, '/Patient/p1'],
])('%s reads the own resource, its versions and their history', async (_who, token, target) => {
  gateway.records.length = 0;
  const read = await gateway.call(token, target);
  expect([read.status, JSON.parse(read.text)]).toEqual([200, expect.objectContaining({ id: target.split('/')[2] })]);
  expect(await statusOf(token, `${target}/_history/1`)).toBe(200);
  expect(await statusOf(token, `${target}/_history`)).toBe(200);
  await gateway.idle();
  expect(gateway.records.find(({ type }) => type === 'access-allowed')).toMatchObject({ data: { scope: 'fhirUser' } });
  const types = gateway.records.map(({ type }) => type);
  expect(types.filter((it) => it === 'access-allowed')).toHaveLength(3);
  expect(types.filter((it) => it === 'access-completed')).toHaveLength(3);
});

test.each([
  ['another of the type', '/Practitioner/b'],
  ['whoever there is', '/Practitioner'],
  ['the own, by a search', '/Practitioner?_id=a'],
  ['a patient', '/Patient/p1'],
  ['a patient’s record', '/Patient/p1/$everything'],
])('but not %s', async (_what, target) => {
  expect(await statusOf(practitioner, target)).toBe(403);
});

test('and changes nothing', async () => {
  const headers = { 'content-type': 'application/fhir+json' };
  const body = JSON.stringify({ ...held[0], active: false });
  expect((await gateway.call(practitioner, '/Practitioner/a', { method: 'PUT', body, headers })).status).toBe(403);
  expect((await gateway.call(practitioner, '/Practitioner/a', { method: 'DELETE' })).status).toBe(403);
});

test('not without the scope, without a user, or where the user is of another server', async () => {
  const { readsOwn: _, ...without } = practitioner;
  const { fhirUser: _user, ...nobody } = practitioner;
  for (const token of [without, nobody, { ...practitioner, fhirUser: 'https://other.example/fhir/Practitioner/a' }])
    expect(await statusOf(token, '/Practitioner/a')).toBe(403);
});

test('not where the approval no longer has the scope', async () => {
  const before = gateway.inForce;
  gateway.inForce = { ...before, scopes: before.scopes.filter((it) => it !== 'fhirUser') };
  expect(await statusOf(practitioner, '/Practitioner/a')).toBe(403);
  gateway.inForce = before;
});

test('what is withheld stays so', async () => {
  expect(await statusOf(patient, '/Patient/p1', withholding)).toBe(404);
  expect(await statusOf(practitioner, '/Practitioner/a', withholding)).toBe(200);
});

test('an entry of a batch reads it, too', async () => {
  const entry = ['Practitioner/a', 'Practitioner/b'].map((url) => ({ request: { method: 'GET', url } }));
  const answer = await gateway.call(practitioner, '/', {
    method: 'POST',
    body: JSON.stringify({ resourceType: 'Bundle', type: 'batch', entry }),
    headers: { 'content-type': 'application/fhir+json' },
  });
  const { entry: answered } = JSON.parse(answer.text) as { entry: readonly { response: { status: string } }[] };
  expect(answered.map(({ response }) => response.status.slice(0, 3))).toEqual(['200', '403']);
});
