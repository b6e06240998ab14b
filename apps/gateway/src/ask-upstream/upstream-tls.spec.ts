import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { upstreamAccessOf } from '#fhir-endpoints';
import { type TestCertificate, testAuthority } from '#testing';
import { BodyMemory } from './body-memory.js';
import { Upstream } from './upstream.js';
import { UpstreamFailed } from './upstream-failed.js';

/** The FHIR server demands a certificate of one authority, and shows one of another. */
const [forServers, forClients, another] = [testAuthority('servers'), testAuthority('clients'), testAuthority('nobody')];
const known = forClients.issue('gatehouse');

const folder = mkdtempSync(join(tmpdir(), 'upstream-tls-'));
/** Whom the server believed to ask, and for what. */
const asked: string[] = [];
const server = createServer(
  { ...forServers.issue('fhir server'), ca: forClients.ca, requestCert: true, rejectUnauthorized: true },
  (request, response) => {
    const { CN } = (request.socket as TLSSocket).getPeerCertificate().subject;
    asked.push(`${String(CN)}: ${request.method ?? ''} ${request.url ?? ''}`);
    request.resume();
    response.writeHead(200, { 'content-type': 'application/fhir+json', etag: 'W/"2"' });
    response.end(JSON.stringify({ resourceType: 'Observation', id: 'o1' }));
  },
);
const opened: Upstream[] = [];
let base: string;

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  base = `https://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/fhir`;
});
beforeEach(() => void (asked.length = 0));
afterEach(async () => void (await Promise.all(opened.splice(0).map((it) => it.close()))));
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
  rmSync(folder, { recursive: true });
});

/** The server as an endpoint's `tls` lets it be reached: by the files that hold what is given. */
function upstreamWith(
  ca: string | undefined,
  own?: TestCertificate,
  whyBroken: (why: unknown) => void = () => undefined,
) {
  const file = (name: string, pem: string | undefined) => {
    if (pem === undefined) return {};
    writeFileSync(join(folder, name), pem);
    return { [`${name}File`]: join(folder, name) };
  };
  const upstream = new Upstream({
    baseUrl: base,
    access: upstreamAccessOf({ tls: { ...file('ca', ca), ...file('cert', own?.cert), ...file('key', own?.key) } }),
    timeoutMs: 20_000,
    maxBytes: 1_000_000,
    slots: { total: 8, perApplication: 8, waitingPerApplication: 8 },
    breakMs: 60_000,
    onCircuit: (_isBroken, why) => whyBroken(why),
  });
  opened.push(upstream);
  return upstream;
}

const by = {
  applicationId: 'a1',
  purposesOfUse: [],
  signal: new AbortController().signal,
  isAllowed: () => true,
  memory: new BodyMemory(1_000_000).lease(),
};
const read = { method: 'GET', target: '/Observation/o1' } as const;

async function failureOf(upstream: Upstream): Promise<UpstreamFailed> {
  const failure: unknown = await upstream.ask(read, by).catch((error: unknown) => error);
  if (!(failure instanceof UpstreamFailed)) throw new Error('it was answered');
  return failure;
}

test('a FHIR server that demands a certificate is asked with the one that is configured, by reads and writes', async () => {
  const upstream = upstreamWith(forServers.ca, known);
  expect((await upstream.ask(read, by)).resource).toMatchObject({ id: 'o1' });
  const write = { method: 'PUT', target: '/Observation/o1', body: '{"resourceType":"Observation"}' } as const;
  expect(await upstream.send(write, by, () => undefined)).toMatchObject({ status: 200, etag: 'W/"2"' });
  expect(asked).toEqual(['gatehouse: GET /fhir/Observation/o1', 'gatehouse: PUT /fhir/Observation/o1']);
});

const unknown = { name: 'WriteUnknown' };
const neverSent = { name: 'UpstreamFailed', wasSent: false };

// In TLS 1.3 a client has sent its request by the time that its certificate is refused (RFC 8446, 4.4.2): nobody knows then.
test.each([
  ['it shows none', () => upstreamWith(forServers.ca), unknown],
  ['it shows one of another authority', () => upstreamWith(forServers.ca, another.issue('gatehouse')), unknown],
  ['the server’s own is of another authority', () => upstreamWith(another.ca, known), neverSent],
  ['the server’s own is of no public authority', () => upstreamWith(undefined, known), neverSent],
])('the gateway gets nothing, and its caller a 502, where %s', async (_why, connect, failedWrite) => {
  const upstream = connect();
  expect((await failureOf(upstream)).answer).toMatchObject({
    status: 502,
    body: {
      resourceType: 'OperationOutcome',
      issue: [{ code: 'transient', diagnostics: expect.any(String) as string }],
    },
  });
  const write = { method: 'DELETE', target: '/Observation/o1' } as const;
  await expect(upstream.send(write, by, () => undefined)).rejects.toMatchObject(failedWrite);
  expect(asked).toEqual([]);
});

test('whoever runs it is told why, when the server is given up for a while', async () => {
  const reasons: unknown[] = [];
  const upstream = upstreamWith(another.ca, known, (why) => reasons.push(why));
  while ((await failureOf(upstream)).answer.status !== 503);
  expect(reasons).toMatchObject([{ cause: { message: expect.stringContaining('certificate') as string } }]);
});
