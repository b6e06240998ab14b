import { type ActivityEntry, registration, token as tokenContract, type Recorded, type TokenEvent } from '#contracts';
import { activitySource, eventsOf, LogTail, type LogSettings, type RecordSource } from '#event-log';
import {
  cuttableProxy,
  LogSeed,
  SeededApplication,
  startTestService,
  testClient,
  testIssuer,
  type TestClient,
  type TestIssuer,
  type TestService,
} from '#testing';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { createServer, type Server } from 'node:http';
import { isolate, type Isolation } from '../../../test/environment/isolation.js';
import { tokenPart } from './token.part.js';

let own: Isolation;
let issuer: TestIssuer;
let first: TestService;
let second: TestService;
let settings: LogSettings;
let log: LogSeed;
let publisher: Server;
let published: readonly object[] = [];
const tails: { close(): Promise<void> }[] = [];
const facts: ActivityEntry[] = [];
const events: Recorded<TokenEvent>[] = [];
const waiting = new Set<() => void>();

beforeAll(async () => {
  [own, issuer] = await Promise.all([isolate(), testIssuer()]);
  const sink = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  settings = { brokers: own.brokers.split(','), clientId: 'test', prefix: own.prefix, sink };
  const environment = { KAFKA_BROKERS: own.brokers, KAFKA_TOPIC_PREFIX: own.prefix, TOKEN_JWKS_ALLOW_LOOPBACK: '1' };
  first = await startTestService(tokenPart, { databaseUrl: own.databaseUrl, issuer, environment });
  second = await startTestService(tokenPart, {
    databaseUrl: own.databaseUrl,
    issuer,
    environment: { ...environment, PUBLIC_URL: first.url },
  });
  log = new LogSeed(settings);
  await Promise.all([follow(activitySource, facts), follow(eventsOf(tokenContract), events)]);
  publisher = createServer((_request, response) =>
    response.writeHead(200, { 'cache-control': 'max-age=60' }).end(JSON.stringify({ keys: published })),
  );
  await new Promise<void>((resolve) => publisher.listen(0, '127.0.0.1', resolve));
}, 60_000);

afterAll(async () => {
  await Promise.all([first, second].map((service) => service.close()));
  await Promise.all(tails.map((tail) => tail.close()));
  await log.close();
  publisher.close();
  await issuer.close();
  await own.dispose();
}, 60_000);

/** Gathers what stands in a topic, and what comes. */
async function follow<E>(source: RecordSource<E>, into: E[]): Promise<void> {
  const tail = new LogTail(settings, {
    sources: [source],
    from: 'start',
    onBatch: (entries) => {
      into.push(...entries.map(({ event }) => event));
      for (const look of waiting) look();
    },
    onFailure: (error) => expect(error).toBeUndefined(),
  });
  tails.push(tail);
  await tail.start();
}

async function registered(
  client?: TestClient,
  jwksUri?: string,
  mintedAt: number = Date.now(),
): Promise<SeededApplication> {
  const application = new SeededApplication(log, client ?? (await testClient()), { mintedAt });
  await application.registered(jwksUri);
  return application;
}

async function approvedApplication(scopes = ['system/Patient.rs']): Promise<SeededApplication> {
  const application = await registered();
  await application.approved(scopes);
  return application;
}

const tokenUrl = () => `${first.url}/oauth/token`;

function post(service: TestService, path: string, body: URLSearchParams): Promise<Response> {
  return service.call(path, { method: 'POST', body });
}

async function ask(
  client: TestClient,
  {
    scope = 'system/*.rs',
    service = first,
    assertion,
  }: { scope?: string; service?: TestService; assertion?: string } = {},
) {
  const response = await post(
    service,
    '/oauth/token',
    client.form(assertion ?? (await client.assertion(tokenUrl())), { scope }),
  );
  const body: unknown = await response.json();
  return { status: response.status, body };
}

/** Asks until the instance has folded what a test has just appended. */
async function askUntil(status: number, client: TestClient, options: Parameters<typeof ask>[1] = {}) {
  for (let attempt = 0; ; attempt++) {
    const answer = await ask(client, options);
    if (answer.status === status || attempt === 200) return answer;
  }
}

/** Waits for a record that was or will be gathered. */
function gathered<E>(from: readonly E[], matches: (entry: E) => boolean): Promise<E> {
  return new Promise((resolve) => {
    const look = () => {
      const found = from.find(matches);
      if (found === undefined) return;
      waiting.delete(look);
      resolve(found);
    };
    waiting.add(look);
    look();
  });
}

function accessTokenIn(body: unknown): string {
  if (typeof body === 'object' && body !== null && 'access_token' in body && typeof body.access_token === 'string')
    return body.access_token;
  throw new Error(`no token in ${JSON.stringify(body)}`);
}

const verify = (token: string) =>
  jwtVerify(token, createRemoteJWKSet(new URL(`${first.url}/oauth/jwks`)), {
    issuer: first.url,
    audience: `${first.url}/fhir`,
    typ: 'at+jwt',
  });

describe('a backend application', () => {
  test('that was approved gets a token, narrowed to the approval, and its fact is in the log', async () => {
    const application = await approvedApplication(['system/Patient.rs']);
    const { status, body } = await askUntil(200, application.client);
    expect([status, body]).toEqual([200, expect.objectContaining({ scope: 'system/Patient.rs', expires_in: 300 })]);
    const { payload } = await verify(accessTokenIn(body));
    expect(payload).toMatchObject({
      client_id: application.client.clientId,
      gatehouse_application: application.id,
      gatehouse_key: application.client.key.thumbprint,
    });
    const issued = await gathered(facts, ({ type, data }) => type === 'token-issued' && data.tokenId === payload.jti);
    expect(issued.meta.subject).toBe(application.id);
  });

  test('gets tokens of one key from every instance', async () => {
    const application = await approvedApplication();
    const { body } = await askUntil(200, application.client, { service: second });
    await expect(verify(accessTokenIn(body))).resolves.toBeDefined();
  });

  test('that was not approved gets none', async () => {
    const application = await registered();
    const other = await approvedApplication();
    await askUntil(200, other.client);
    expect(await ask(application.client)).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
  });

  test('gets none once it is suspended', async () => {
    const application = await approvedApplication();
    await askUntil(200, application.client);
    await application.happened(registration, { type: 'application-suspended', data: { reason: 'leak', epoch: 1 } });
    expect(await askUntil(401, application.client)).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
  });

  test('uses an assertion once, whichever instance it goes to', async () => {
    const application = await approvedApplication();
    await askUntil(200, application.client, { service: second });
    await askUntil(200, application.client, { service: first });
    const assertion = await application.client.assertion(tokenUrl());
    const answers = await Promise.all(
      [first, second, first, second].map((service) => ask(application.client, { service, assertion })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401, 401]);
  });

  test('an assertion that no clock made is refused alone, and those that are spent with it are not', async () => {
    const application = await approvedApplication();
    await askUntil(200, application.client);
    const odd = await application.client.assertion(tokenUrl(), { iat: -1e300 });
    const answers = await Promise.all(
      [undefined, undefined, odd, undefined, undefined].map((assertion) =>
        ask(application.client, assertion === undefined ? {} : { assertion }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 401, 200, 200]);
  });

  test('may publish its keys instead of registering them', async () => {
    const address = publisher.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const client = await testClient();
    published = [client.key.jwk];
    const application = await registered(client, `http://127.0.0.1:${address.port}/jwks`);
    await application.approved(['system/Patient.rs']);
    expect(await askUntil(200, application.client)).toMatchObject({ status: 200 });
  });

  test('an assertion made before the replay guard was is refused', async () => {
    const application = await approvedApplication();
    await askUntil(200, application.client);
    const assertion = await application.client.assertion(tokenUrl(), { iat: Math.floor(Date.now() / 1000) - 3_600 });
    expect(await ask(application.client, { assertion })).toMatchObject({ status: 401 });
    const told = await gathered(
      facts,
      ({ type, data }) =>
        type === 'token-refused' &&
        data.clientId === application.client.clientId &&
        data.reason.includes('used before'),
    );
    expect(told.meta.subject).toBe(application.id);
  });
});

test('without the database nobody can say whether an assertion was used: 503, until it is back', async () => {
  const database = new URL(own.databaseUrl);
  const proxy = await cuttableProxy({ host: database.hostname, port: Number(database.port) });
  database.host = `127.0.0.1:${proxy.port}`;
  const environment = { KAFKA_BROKERS: own.brokers, KAFKA_TOPIC_PREFIX: own.prefix, PUBLIC_URL: first.url };
  const service = await startTestService(tokenPart, { databaseUrl: database.href, issuer, environment });
  try {
    const application = await approvedApplication();
    expect((await askUntil(200, application.client, { service })).status).toBe(200);
    await proxy.cut();
    expect(await ask(application.client, { service })).toMatchObject({
      status: 503,
      body: { error: 'temporarily_unavailable' },
    });
    await proxy.restore();
    expect((await askUntil(200, application.client, { service })).status).toBe(200);
  } finally {
    await service.close();
    await proxy.close();
  }
}, 60_000);

describe('an assertion without iat, of which nobody knows when it was made', () => {
  const noIat = async ({ client }: SeededApplication) =>
    client.assertion(tokenUrl(), { iat: null, exp: Math.floor(Date.now() / 1000) + 120 });

  test('is good where its client is younger than the replay guard', async () => {
    const application = await registered(undefined, undefined, Date.now() + 60_000); // by far, whatever the clocks say
    await application.approved(['system/Patient.rs']);
    await askUntil(200, application.client);
    const assertion = await noIat(application);
    expect(await ask(application.client, { assertion })).toMatchObject({ status: 200 });
    expect(await ask(application.client, { assertion })).toMatchObject({ status: 401 });
  });

  test('is refused where it may have been spent before the guard was', async () => {
    const application = await registered(undefined, undefined, Date.now() - 86_400_000);
    await application.approved(['system/Patient.rs']);
    await askUntil(200, application.client);
    expect(await ask(application.client, { assertion: await noIat(application) })).toMatchObject({ status: 401 });
  });
});

describe('a client ends its own token (RFC 7009)', () => {
  async function revoke(client: TestClient, token: string, service = first): Promise<Response> {
    return post(service, '/oauth/revoke', client.form(await client.assertion(`${first.url}/oauth/revoke`), { token }));
  }

  test('and the log says so; a second time is as good', async () => {
    const application = await approvedApplication();
    const token = accessTokenIn((await askUntil(200, application.client)).body);
    const { payload } = await verify(token);
    expect((await revoke(application.client, token)).status).toBe(200);
    expect((await revoke(application.client, token, second)).status).toBe(200);
    await gathered(events, ({ type, data }) => type === 'token-revoked' && data.tokenId === payload.jti);
    expect(events.filter(({ meta }) => meta.subject === application.id)).toHaveLength(1);
  });

  test('not another’s', async () => {
    const [mine, other] = await Promise.all([approvedApplication(), approvedApplication()]);
    const token = accessTokenIn((await askUntil(200, mine.client)).body);
    await askUntil(200, other.client);
    const response = await revoke(other.client, token);
    expect([response.status, await response.json()]).toEqual([
      400,
      { error: 'invalid_grant', error_description: expect.any(String) },
    ]);
  });

  test('what is no token is dead already; who does not say who they are is refused', async () => {
    const application = await approvedApplication();
    await askUntil(200, application.client);
    expect((await revoke(application.client, 'nonsense')).status).toBe(200);
    const response = await post(first, '/oauth/revoke', new URLSearchParams({ token: 'x' }));
    expect([response.status, await response.json()]).toEqual([
      401,
      { error: 'invalid_client', error_description: 'client authentication failed' },
    ]);
  });
});

test('the grants of a revoked application are closed', async () => {
  const application = await approvedApplication();
  await application.happened(registration, { type: 'application-revoked', data: { reason: 'sold', epoch: 1 } });
  const closed = await gathered(
    events,
    ({ meta, type }) => type === 'grants-closed' && meta.subject === application.id,
  );
  expect(closed).toMatchObject({ data: { reason: 'sold' }, meta: { actor: 'system:token-closes-grants' } });
});

test.each(['/.well-known/smart-configuration', '/.well-known/oauth-authorization-server'])(
  '%s may be read from any origin',
  async (path) => {
    const response = await first.call(path, { headers: { origin: 'https://anyone.example' } });
    expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([200, '*']);
    expect(await response.json()).toMatchObject({ issuer: first.url, token_endpoint: tokenUrl() });
    const preflight = await first.call(path, {
      method: 'OPTIONS',
      headers: { origin: 'https://anyone.example', 'access-control-request-method': 'GET' },
    });
    expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([204, '*']);
  },
);
