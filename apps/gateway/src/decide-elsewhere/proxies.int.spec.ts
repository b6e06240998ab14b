import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import {
  freePort,
  LogSeed,
  SeededApplication,
  startTestService,
  testClient,
  testIssuer,
  type TestIssuer,
  type TestService,
  quietLog,
  untilOpen,
} from '#testing';
import { isolate, type Isolation } from '../../../../test/environment/isolation.js';
import { gateway } from '../gateway.part.js';

const hasNginx = spawnSync('nginx', ['-v']).status === 0;

let own: Isolation;
let issuer: TestIssuer;
let service: TestService;
let seed: LogSeed;
let application: SeededApplication;
/** The FHIR server that other proxies stand before; what it was asked. */
let fhirServer: Server;
let fhirPort: number;
const asked: { readonly url: string; readonly headers: NodeJS.Dict<string | string[]> }[] = [];

beforeAll(async () => {
  [own, issuer] = await Promise.all([isolate(), testIssuer()]);
  fhirServer = createServer((request, response) => {
    asked.push({ url: request.url ?? '', headers: request.headers });
    response
      .writeHead(200, { 'content-type': 'application/fhir+json' })
      .end('{"resourceType":"Observation","id":"o1"}');
  }).listen(0, '127.0.0.1');
  await once(fhirServer, 'listening');
  const address = fhirServer.address();
  fhirPort = typeof address === 'object' && address ? address.port : 0;
  service = await startTestService(gateway, {
    databaseUrl: own.databaseUrl,
    issuer,
    environment: {
      KAFKA_BROKERS: own.brokers,
      KAFKA_TOPIC_PREFIX: own.prefix,
      FHIR_UPSTREAM_URL: `http://127.0.0.1:${fhirPort}/fhir`,
      GATEWAY_JWKS_URL: `${issuer.issuer}/jwks`,
    },
  });
  seed = new LogSeed(quietLog(own));
  application = new SeededApplication(seed, await testClient('viewer'));
  await application.registered();
  await application.approved(['system/Observation.rs']);
  await untilOpen(service, issuer, application.id);
}, 90_000);

afterAll(async () => {
  await service.close();
  await seed.close();
  fhirServer.closeAllConnections();
  fhirServer.close();
  await Promise.all([own.dispose(), issuer.close()]);
}, 30_000);

beforeEach(() => (asked.length = 0));

const token = (of = application, clientId = 'viewer') =>
  issuer.token({
    iss: service.url,
    aud: `${service.url}/fhir`,
    sub: clientId,
    client_id: clientId,
    jti: `token-of-${clientId}`,
    scope: 'system/Observation.rs',
    gatehouse_application: of.id,
    gatehouse_approval_version: 1,
    gatehouse_epoch: 0,
  });
const pointToken = () => issuer.token({ sub: 'proxy', roles: ['enforcement-point'] });

test('a call counts against its application’s limits, whoever asks; NGINX is told a refusal that it knows', async () => {
  const eager = new SeededApplication(seed, await testClient('eager'));
  await eager.registered();
  await eager.approved(['system/Observation.rs'], ['*'], { callsPerMinute: 6 });
  await untilOpen(service, issuer, eager.id);
  const bearers = { authorization: `Bearer ${await token(eager, 'eager')}` };
  const point = `Bearer ${await pointToken()}`;
  const envoy = async () =>
    await service.call('/ext-authz/envoy/fhir/Observation/o1', {
      headers: { ...bearers, 'gatehouse-authorization': point },
    });
  expect((await envoy()).status).toBe(200);
  const refused = await envoy();
  expect([refused.status, Number(refused.headers.get('retry-after'))]).toEqual([429, expect.any(Number)]);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  const held = {
    authorization: point,
    'x-original-method': 'GET',
    'x-original-uri': '/fhir/Observation/o1',
    'x-original-authorization': bearers.authorization,
  };
  const byNginx = await service.call('/ext-authz', { headers: held });
  expect([byNginx.status, byNginx.headers.get('gatehouse-reason')]).toEqual([
    403,
    'This application may make 6 calls a minute.',
  ]);
});

describe('what is asked of every call is answered before the router, as by it', () => {
  /** With a length it goes through the router; what is new at every request is left out. */
  async function ask(method: string, path: string, headers: Record<string, string>, byRouter: boolean) {
    const all = { 'x-correlation-id': 'c-1', ...headers, ...(byRouter ? { 'content-length': '0' } : {}) };
    const sent = request(service.url + path, { method, headers: all }).end();
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    const told = Object.entries(response.headers).filter(
      ([name]) => !['date', 'connection', 'keep-alive'].includes(name),
    );
    return { status: response.statusCode, headers: told.sort(), text: await text(response) };
  }
  const point = async () => ({ authorization: `Bearer ${await pointToken()}` });
  const held = async (uri: string) => ({
    'x-original-method': 'GET',
    'x-original-uri': uri,
    'x-original-authorization': `Bearer ${await token()}`,
  });
  const envoy = async () => ({
    authorization: `Bearer ${await token()}`,
    'gatehouse-authorization': `Bearer ${await pointToken()}`,
  });

  test.each<[string, string, number, () => Promise<Record<string, string>>]>([
    ['GET', '/ext-authz', 200, async () => ({ ...(await point()), ...(await held('/fhir/Observation/o1')) })],
    ['POST', '/ext-authz', 200, async () => ({ ...(await point()), ...(await held('/fhir/Observation/o1')) })],
    ['GET', '/ext-authz', 403, async () => ({ ...(await point()), ...(await held('/fhir/Patient/p1')) })],
    ['GET', '/ext-authz', 400, async () => ({ ...(await point()), ...(await held('/elsewhere')) })],
    ['GET', '/ext-authz', 400, point],
    ['GET', '/ext-authz', 401, async () => await held('/fhir/Observation/o1')],
    [
      'GET',
      '/ext-authz',
      403,
      async () => ({ ...(await issuer.bearer('op', 'operator')), ...(await held('/fhir/x')) }),
    ],
    ['GET', '/ext-authz/', 404, point],
    ['GET', '/ext-authz/envoy/fhir/Observation/o1', 200, envoy],
    ['GET', '/ext-authz/envoy/fhir/Observation?status=final', 200, envoy],
    ['DELETE', '/ext-authz/envoy/fhir/Observation/o1', 403, envoy],
    ['GET', '/ext-authz/envoy/elsewhere', 400, envoy],
    ['GET', '/ext-authz/envoy/fhir/%zz', 400, envoy],
    ['GET', '/ext-authz/envoy/fhir/Observation/o1', 401, point],
  ])('%s %s: %d', async (method, path, status, headers) => {
    const own = await headers();
    const [directly, byRouter] = [await ask(method, path, own, false), await ask(method, path, own, true)];
    expect(directly).toEqual(byRouter);
    expect(directly.status).toBe(status);
  });
});

describe('Envoy’s HTTP ext_authz, as its documentation says that it asks', () => {
  const ask = async (method: string, target: string, headers: Record<string, string> = {}, point?: string | null) =>
    await service.call(`/ext-authz/envoy${target}`, {
      method,
      headers: {
        authorization: `Bearer ${await token()}`,
        ...(point === null ? {} : { 'gatehouse-authorization': `Bearer ${point ?? (await pointToken())}` }),
        ...headers,
      },
    });

  test.each([
    ['GET', '/fhir/Observation/o1', 200],
    ['GET', '/fhir/Observation?status=final', 200],
    ['GET', '/fhir/Patient/p1', 403],
    ['POST', '/fhir/Observation', 403],
    ['DELETE', '/fhir/Observation/o1', 403],
    ['GET', '/fhir/%4Fbservation/o1', 403],
    ['GET', '/fhir//Observation/o1', 403],
    ['GET', '/elsewhere', 400],
    ['GET', '/fhir/Observation/o1?access_token=x', 400],
  ])('%s %s: %d', async (method, target, status) => {
    expect((await ask(method, target)).status).toBe(status);
  });

  test('the caller’s token is the one that counts for the request, and the point’s for who asks', async () => {
    const [operator, caller] = [await issuer.token({ sub: 'op', roles: ['operator'] }), await token()];
    expect((await ask('GET', '/fhir/Observation/o1', { authorization: '' })).status).toBe(401);
    expect((await ask('GET', '/fhir/Observation/o1', {}, null)).status).toBe(401);
    expect((await ask('GET', '/fhir/Observation/o1', {}, operator)).status).toBe(403);
    expect((await ask('GET', '/fhir/Observation/o1', {}, caller)).status).toBe(401);
    const swapped = { authorization: `Bearer ${await pointToken()}` };
    expect((await ask('GET', '/fhir/Observation/o1', swapped)).status).toBe(401);
  });
});

(hasNginx ? describe : describe.skip)('NGINX with deploy/nginx/auth-request.conf; skipped without nginx', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'auth-request-'));
  let nginx: ChildProcess;
  let url: string;

  beforeAll(async () => {
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    const example = readFileSync('deploy/nginx/auth-request.conf', 'utf8')
      .replace('127.0.0.1:8080', new URL(service.url).host)
      .replace('127.0.0.1:9090', `127.0.0.1:${fhirPort}`)
      .replace('127.0.0.1:8088', `127.0.0.1:${port}`);
    writeFileSync(path.join(folder, 'auth-request.conf'), example);
    const header = `proxy_set_header Authorization "Bearer ${await pointToken()}";\n`;
    writeFileSync(path.join(folder, 'gatehouse-token.conf'), header);
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (kind) => `${kind}_temp_path ${folder}/${kind};`,
    );
    writeFileSync(
      path.join(folder, 'nginx.conf'),
      `daemon off;\npid ${folder}/nginx.pid;\nerror_log stderr error;\nevents {}\nhttp {\n  access_log off;\n  ${temporary.join('\n  ')}\n  include ${folder}/auth-request.conf;\n}\n`,
    );
    nginx = spawn('nginx', ['-e', 'stderr', '-p', folder, '-c', path.join(folder, 'nginx.conf')], { stdio: 'ignore' });
    await listening(port);
  });

  afterAll(async () => {
    const gone = once(nginx, 'exit');
    nginx.kill('SIGTERM');
    await gone;
    rmSync(folder, { recursive: true });
  });

  const call = async (target: string, headers: Record<string, string> = {}, method = 'GET') =>
    await fetch(url + target, { method, headers: { authorization: `Bearer ${await token()}`, ...headers } });

  test('lets in what is allowed; the server gets exactly that, without token, overrides and who says that they ask', async () => {
    const response = await call('/fhir/Observation/o1?_format=json', {
      'x-http-method-override': 'DELETE',
      'x-purpose-of-use': 'ETREAT',
      'gatehouse-user': 'Practitioner/chief',
    });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ id: 'o1' });
    expect(asked.map((it) => it.url)).toEqual(['/fhir/Observation/o1?_format=json']);
    expect(asked[0]?.headers).not.toHaveProperty('authorization');
    for (const header of ['x-http-method-override', 'x-purpose-of-use', 'gatehouse-user'])
      expect(asked[0]?.headers).not.toHaveProperty(header);
  });

  test.each([
    ['a type that is not granted', '/fhir/Patient/p1', {}, 'GET', 403],
    ['a write', '/fhir/Observation/o1', {}, 'DELETE', 403],
    ['a path that the server would resolve', '/fhir/%4Fbservation/o1', {}, 'GET', 403],
    ['no token', '/fhir/Observation/o1', { authorization: '' }, 'GET', 401],
    ['another’s word for what is asked', '/fhir/Patient/p1', { 'x-original-uri': '/fhir/Observation/o1' }, 'GET', 403],
  ])('refuses %s, and the server hears nothing', async (_what, target, headers, method, status) => {
    expect((await call(target, headers as Record<string, string>, method)).status).toBe(status);
    expect(asked).toEqual([]);
  });
});

/** Resolves when somebody listens there. */
async function listening(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const [isOpen] = await Promise.race([
      once(socket, 'connect').then(() => [true]),
      once(socket, 'error').then(() => [false]),
    ]).catch(() => [false]);
    socket.destroy();
    if (isOpen === true) return;
    await delay(20);
  }
}
