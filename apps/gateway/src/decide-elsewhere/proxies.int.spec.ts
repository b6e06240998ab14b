import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { text } from 'node:stream/consumers';
import {
  cuttableProxy,
  type CuttableProxy,
  LogSeed,
  SeededApplication,
  startTestService,
  testClient,
  testIssuer,
  testProver,
  type TestIssuer,
  type TestService,
  quietLog,
  untilOpen,
} from '#testing';
import { isolate, type Isolation } from '../../../../test/environment/isolation.js';
import {
  hasEnvoy,
  hasNginx,
  type ProxyProcess,
  startEnvoy,
  startNginx,
  type Surroundings,
} from '../../../../test/proxies/proxy-process.js';
import { gateway } from '../gateway.part.js';

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

const token = (of = application, clientId = 'viewer', more: Readonly<Record<string, unknown>> = {}) =>
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
    ...more,
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

test('whoever is refused is told what challenges a caller of the gateway itself', async () => {
  const point = `Bearer ${await pointToken()}`;
  const expired = await token(application, 'viewer', { exp: Math.floor(Date.now() / 1_000) - 3_600 });
  const bound = await token(application, 'viewer', { cnf: { jkt: (await testProver()).thumbprint } });
  for (const [authorization, path, status] of [
    [undefined, 'Observation/o1', 401],
    ['Basic eDp5', 'Observation/o1', 401],
    [`Bearer ${expired}`, 'Observation/o1', 401],
    [`Bearer ${bound}`, 'Observation/o1', 401],
    [`Bearer ${await token()}`, 'Patient/p1', 403],
  ] as const) {
    const own = authorization === undefined ? {} : { authorization };
    const byGateway = await service.call(`/fhir/${path}`, { headers: own });
    const byEnvoy = await service.call(`/ext-authz/envoy/fhir/${path}`, {
      headers: { ...own, 'gatehouse-authorization': point },
    });
    const byNginx = await service.call('/ext-authz', {
      headers: {
        authorization: point,
        'x-original-method': 'GET',
        'x-original-uri': `/fhir/${path}`,
        ...(authorization === undefined ? {} : { 'x-original-authorization': authorization }),
      },
    });
    for (const it of [byGateway, byEnvoy, byNginx]) await it.body?.cancel();
    const challengeOf = ({ status: told, headers }: Response) => [told, headers.get('www-authenticate')];
    expect(challengeOf(byGateway)).toEqual([status, expect.stringMatching(/^(Bearer|DPoP)/)]);
    expect([challengeOf(byEnvoy), challengeOf(byNginx)]).toEqual([challengeOf(byGateway), challengeOf(byGateway)]);
  }
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

/** Calls through a proxy: the target as it stands here, which `fetch` would resolve. */
async function through(proxy: ProxyProcess, target: string, headers: Record<string, string> = {}, method = 'GET') {
  const { hostname, port } = new URL(proxy.url);
  const bearer = { authorization: `Bearer ${await token()}` };
  const sent = request({ hostname, port, path: target, method, headers: { ...bearer, ...headers } }).end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return { status: response.statusCode, headers: response.headers, text: await text(response) };
}

const spoofed = {
  'x-http-method-override': 'DELETE',
  'x-http-method': 'DELETE',
  'x-method-override': 'DELETE',
  'x-original-method': 'DELETE',
  'x-purpose-of-use': 'ETREAT',
  'gatehouse-user': 'Practitioner/chief',
  dpop: 'a proof',
};
/** What some servers take for the same names. */
const spoofedWithUnderscores = { x_http_method_override: 'DELETE', gatehouse_user: 'Practitioner/chief' };

const refused: readonly (readonly [string, string, Record<string, string>, string, number])[] = [
  ['a type that is not granted', '/fhir/Patient/p1', {}, 'GET', 403],
  ['a write', '/fhir/Observation/o1', {}, 'DELETE', 403],
  ['a path that the server would resolve', '/fhir/%4Fbservation/o1', {}, 'GET', 403],
  ['a path that a server would resolve in the second turn', '/fhir/%254Fbservation/o1', {}, 'GET', 403],
  ['an encoded slash', '/fhir/Observation%2Fo1', {}, 'GET', 403],
  ['a slash that is encoded twice', '/fhir/Observation%252Fo1', {}, 'GET', 403],
  ['dots that lead to another type', '/fhir/Observation/../Patient/p1', {}, 'GET', 403],
  ['dots that are encoded', '/fhir/Observation/%2e%2e/Patient/p1', {}, 'GET', 403],
  ['two slashes', '/fhir//Observation/o1', {}, 'GET', 403],
  ['no token', '/fhir/Observation/o1', { authorization: '' }, 'GET', 401],
  ['a token that is none', '/fhir/Observation/o1', { authorization: 'Bearer x' }, 'GET', 401],
  ['another’s word for what is asked', '/fhir/Patient/p1', { 'x-original-uri': '/fhir/Observation/o1' }, 'GET', 403],
];

function asTheExampleSays(start: (with_: Surroundings) => Promise<ProxyProcess>): () => CuttableProxy & ProxyProcess {
  let proxy: ProxyProcess;
  let gatehouse: CuttableProxy;

  beforeAll(async () => {
    gatehouse = await cuttableProxy({ host: '127.0.0.1', port: Number(new URL(service.url).port) });
    proxy = await start({ gatehouse: gatehouse.port, fhirServer: fhirPort, token: await pointToken() });
  });

  afterAll(async () => {
    await proxy.stop();
    await gatehouse.close();
  });

  test('lets in what is allowed; the server gets exactly that, without token, overrides and who says that they ask', async () => {
    const response = await through(proxy, '/fhir/Observation/o1?_format=json', {
      ...spoofed,
      ...spoofedWithUnderscores,
    });
    expect([response.status, response.text]).toEqual([200, '{"resourceType":"Observation","id":"o1"}']);
    expect(asked.map((it) => it.url)).toEqual(['/fhir/Observation/o1?_format=json']);
    const names = [
      'authorization',
      'gatehouse-authorization',
      ...Object.keys({ ...spoofed, ...spoofedWithUnderscores }),
    ];
    expect(Object.keys(asked[0]?.headers ?? {}).filter((it) => names.includes(it))).toEqual([]);
  });

  test.each(refused)('refuses %s, and the server hears nothing', async (_what, target, headers, method, status) => {
    expect((await through(proxy, target, headers, method)).status).toBe(status);
    expect(asked).toEqual([]);
  });

  test('while Gatehouse is away nobody is let in', async () => {
    await gatehouse.cut();
    try {
      expect((await through(proxy, '/fhir/Observation/o1')).status).toBeGreaterThanOrEqual(403);
      expect(asked).toEqual([]);
    } finally {
      await gatehouse.restore();
    }
    expect((await through(proxy, '/fhir/Observation/o1')).status).toBe(200);
  });

  return () => ({ ...gatehouse, ...proxy });
}

(hasNginx ? describe : describe.skip)('NGINX with deploy/nginx/auth-request.conf; skipped without nginx', () => {
  const nginx = asTheExampleSays(startNginx);

  test('a caller is told the challenge, and the nonce of its next proof', async () => {
    const refused = await through(nginx(), '/fhir/Observation/o1', { authorization: 'Bearer x' });
    expect(refused.headers['www-authenticate']).toBe('Bearer error="invalid_token"');
    const prover = await testProver();
    const bound = await token(application, 'viewer', { cnf: { jkt: prover.thumbprint } });
    const claims = { nonce: 'n'.repeat(22) };
    const dpop = await prover.proof('GET', `${service.url}/fhir/Observation/o1`, { accessToken: bound, claims });
    const told = await through(nginx(), '/fhir/Observation/o1', { authorization: `DPoP ${bound}`, dpop });
    expect([told.status, told.headers['dpop-nonce'], told.headers['www-authenticate']]).toEqual([
      401,
      expect.stringMatching(/^[\w-]{22}$/),
      expect.stringMatching(/^DPoP error="use_dpop_nonce"/),
    ]);
  });
});

(hasEnvoy ? describe : describe.skip)('Envoy with deploy/envoy/ext-authz.yaml; skipped without envoy', () => {
  const envoy = asTheExampleSays(startEnvoy);

  test('a caller cannot say who asks', async () => {
    const { status } = await through(envoy(), '/fhir/Observation/o1', {
      'gatehouse-authorization': `Bearer ${await issuer.token({ sub: 'op', roles: ['operator'] })}`,
    });
    expect([status, asked.length]).toEqual([200, 1]);
  });

  test('whoever asks too often is told when to come again', async () => {
    const eager = new SeededApplication(seed, await testClient('hasty'));
    await eager.registered();
    await eager.approved(['system/Observation.rs'], ['*'], { callsPerMinute: 6 });
    await untilOpen(service, issuer, eager.id);
    const bearer = { authorization: `Bearer ${await token(eager, 'hasty')}` };
    expect((await through(envoy(), '/fhir/Observation/o1', bearer)).status).toBe(200);
    const told = await through(envoy(), '/fhir/Observation/o1', bearer);
    expect([told.status, Number(told.headers['retry-after'])]).toEqual([429, expect.any(Number)]);
    expect(asked).toHaveLength(1);
  });

  test('a token that is bound to a key counts with its proof, whose nonce the caller is told', async () => {
    const prover = await testProver();
    const bound = await token(application, 'viewer', { cnf: { jkt: prover.thumbprint } });
    const call = async (claims: Readonly<Record<string, unknown>>) => {
      const url = `${service.url}/fhir/Observation/o1`;
      const dpop = await prover.proof('GET', url, { accessToken: bound, claims });
      return await through(envoy(), '/fhir/Observation/o1', { authorization: `DPoP ${bound}`, dpop });
    };
    const told = await call({ nonce: 'n'.repeat(22) });
    expect([told.status, told.headers['dpop-nonce']]).toEqual([401, expect.stringMatching(/^[\w-]{22}$/)]);
    expect((await call({ nonce: told.headers['dpop-nonce'] })).status).toBe(200);
    expect(asked).toHaveLength(1);
    expect(asked[0]?.headers).not.toHaveProperty('dpop');
  });

  test('what is no path of the API goes nowhere', async () => {
    expect((await through(envoy(), '/elsewhere')).status).toBeGreaterThanOrEqual(400);
    expect(asked).toEqual([]);
  });
});
