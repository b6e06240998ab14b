import { parseExactly } from '#smart';
import type { StoredResource } from '#testing';
import { listenHostile } from '#testing';
import { Upstream } from '../../apps/gateway/src/ask-upstream/upstream.js';
import { GatewayInProcess } from './gateway-in-process.js';
import { own, roomy } from './guarded-servers.js';

/** As many digits as somebody measured, or an element of another system has (R4, Data types: decimal). */
const AMOUNTS = ['1.50', '0.000', '-0', '7e2', '1e400', '12345678901234567890', '0.12345678901234567890', '1.5'];
const observation = (amount: string, more = '') =>
  `{"resourceType":"Observation",${more}"status":"final","subject":{"reference":"Patient/patient-01"},"valueQuantity":{"value":${amount}}}`;
const idOf = (index: number) => `amount-${index}`;
const held = AMOUNTS.map((amount, index) => parseExactly(observation(amount, `"id":"${idOf(index)}",`)));
const patient = { resourceType: 'Patient', id: 'patient-01' };

let server: Awaited<ReturnType<typeof listenHostile>>;
let upstream: Upstream;
let gateway: GatewayInProcess;

beforeAll(async () => {
  server = await listenHostile([patient, ...(held as readonly StoredResource[])]);
  upstream = new Upstream({ baseUrl: server.base, timeoutMs: 5_000, maxBytes: 10_000_000, ...roomy });
  gateway = new GatewayInProcess(upstream);
  await gateway.start();
});
afterAll(async () => {
  await Promise.all([gateway.close(), upstream.close()]);
  await server.close();
});

/** The amounts in an answer, as they are written. */
const amountsIn = (text: string) => [...text.matchAll(/"value":\s*([^\s,}]+)/g)].map(([, amount]) => amount);
const jsonBody = (body: string, method = 'POST', type = 'application/fhir+json') => ({
  method,
  body,
  headers: { 'content-type': type, prefer: 'return=representation' },
});
const storedText = (id: string) => JSON.stringify(server.server.holds().find((it) => it.id === id));

test.each(AMOUNTS.map((amount, index) => [amount, index] as const))(
  'a read has the digits of %s',
  async (amount, index) => {
    const { status, text } = await gateway.call(own, `/Observation/${idOf(index)}`);
    expect([status, amountsIn(text)]).toEqual([200, [amount]]);
  },
);

test.each(['/Observation', '/Observation?_elements=valueQuantity', '/Patient/patient-01/$everything'])(
  '%s has the digits of each',
  async (target) => {
    const { status, text } = await gateway.call(own, target);
    expect(status).toBe(200);
    expect(new Set(amountsIn(text))).toEqual(new Set(AMOUNTS));
  },
);

test('a history, and the entries of a batch, have the digits', async () => {
  expect(amountsIn((await gateway.call(own, `/Observation/${idOf(0)}/_history`)).text)).toEqual(['1.50']);
  const entry = [0, 4].map((index) => ({ request: { method: 'GET', url: `Observation/${idOf(index)}` } }));
  const batch = JSON.stringify({ resourceType: 'Bundle', type: 'batch', entry });
  expect(amountsIn((await gateway.call(own, '/', jsonBody(batch))).text)).toEqual(['1.50', '1e400']);
});

test.each(AMOUNTS)('a creation, an update, a patch and a transaction bring the digits of %s', async (amount) => {
  const created = await gateway.call(own, '/Observation', jsonBody(observation(amount)));
  expect([created.status, amountsIn(created.text)]).toEqual([201, [amount]]);
  const { id } = JSON.parse(created.text) as StoredResource;
  expect(amountsIn(storedText(id))).toEqual([amount]);

  await gateway.call(own, `/Observation/${id}`, jsonBody(observation('1', `"id":"${id}",`), 'PUT'));
  expect(amountsIn(storedText(id))).toEqual(['1']);
  const patch = `[{"op":"replace","path":"/valueQuantity/value","value":${amount}}]`;
  const patched = await gateway.call(
    own,
    `/Observation/${id}`,
    jsonBody(patch, 'PATCH', 'application/json-patch+json'),
  );
  expect([patched.status, amountsIn(patched.text), amountsIn(storedText(id))]).toEqual([200, [amount], [amount]]);

  const written = `{"resource":${observation(amount, `"id":"${id}",`)},"request":{"method":"PUT","url":"Observation/${id}"}}`;
  const bundle = `{"resourceType":"Bundle","type":"transaction","entry":[${written}]}`;
  const answered = await gateway.call(own, '/', jsonBody(bundle));
  expect([answered.status, amountsIn(answered.text)]).toEqual([200, [amount]]);
});
