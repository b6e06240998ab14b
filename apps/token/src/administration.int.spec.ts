import { declaredRoutes } from '#host';
import { oauthPaths } from '#smart';
import { freePort, startTestService, testAuthorizationOf, type TestAuthorization, type TestService } from '#testing';
import { tokenPart } from './token.part.js';

let server: TestAuthorization;
let service: TestService;
let admin: string;

beforeAll(async () => {
  const adminPort = await freePort();
  admin = `http://127.0.0.1:${adminPort}`;
  server = await testAuthorizationOf(async ({ own, issuer, upstream }) => {
    service = await startTestService(tokenPart, {
      databaseUrl: own.databaseUrl,
      issuer,
      environment: {
        KAFKA_BROKERS: own.brokers,
        KAFKA_TOPIC_PREFIX: own.prefix,
        FHIR_UPSTREAM_URL: upstream.url,
        ADMIN_PORT: String(adminPort),
        TOKEN_OPEN_REGISTRATION: '1',
      },
    });
    return service;
  });
}, 60_000);
afterAll(() => server.close(), 60_000);

const everybody = async () =>
  server.issuer.bearer('everybody', 'operator', 'developer', 'reviewer', 'auditor', 'launcher', 'enforcement-point');

/** Asks with a token of somebody who has every role. */
async function ask(base: string, method: string, path: string, json?: object) {
  const headers = { ...(await everybody()), ...(json === undefined ? {} : { 'content-type': 'application/json' }) };
  const body = json === undefined ? {} : { body: JSON.stringify(json) };
  return fetch(`${base}${path}`, { method, headers, redirect: 'manual', ...body });
}

describe('with ADMIN_PORT set', () => {
  test('nothing that needs a role is reached from the public port, whoever asks; all of it from the other', async () => {
    const routes = declaredRoutes(service.app).filter(({ access }) => access?.kind === 'roles');
    const asked = routes.flatMap(({ method, paths }) =>
      paths.map((path) => [method, path.replaceAll(/:\w+/g, '019c2f1e-7a00-71fe-8289-205936c3f005')] as const),
    );
    expect(asked.map(([method, path]) => `${method} ${path}`)).toEqual(
      expect.arrayContaining([
        'POST /oauth/initial-access-tokens',
        'POST /oauth/register/019c2f1e-7a00-71fe-8289-205936c3f005/claim',
        'POST /oauth/users/019c2f1e-7a00-71fe-8289-205936c3f005/revocation',
        'POST /oauth/launches',
      ]),
    );
    for (const [method, path] of asked) {
      const from = async (base: string) => {
        const response = await ask(base, method, path, method === 'GET' ? undefined : { no: 'such field' });
        return [response.status, ((await response.json()) as { readonly title?: string }).title];
      };
      expect([path, ...(await from(service.url))]).toEqual([path, 404, 'There is no such resource']);
      // There the route itself refuses the field; what is asked for by GET does not exist.
      expect([path, (await from(admin))[0]]).toEqual([path, method === 'GET' ? 404 : 400]);
    }
  });

  test('an initial access token is given on the admin port alone, where no client registers', async () => {
    const wanted = { uses: 1 };
    const refused = await ask(service.url, 'POST', '/oauth/initial-access-tokens', wanted);
    expect([refused.status, await server.sql('SELECT * FROM protocol.initial_access_tokens')]).toEqual([404, []]);
    const given = await ask(admin, 'POST', '/oauth/initial-access-tokens', wanted);
    expect(given.status).toBe(201);
    const { token } = (await given.json()) as { readonly token: string };
    const registered = async (base: string) =>
      fetch(`${base}${oauthPaths.registration}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({
          client_name: 'Growth chart',
          token_endpoint_auth_method: 'none',
          redirect_uris: [server.back],
          scope: 'launch/patient patient/Patient.rs',
        }),
      });
    expect((await registered(admin)).status).toBe(404);
    expect(await server.sql('SELECT * FROM protocol.client_registrations')).toEqual([]);
  });

  test('a person is ended from the admin port alone', async () => {
    server.signInAs();
    const app = await server.approved();
    const { body } = await server.granted(app, { scope: 'launch/patient offline_access patient/Patient.rs' }, [
      ['duration', 'offline'],
    ]);
    const { sub } = await server.claimsOf(body.access_token);
    const end = (base: string) => ask(base, 'POST', `/oauth/users/${String(sub)}/revocation`, { reason: 'attack' });
    expect((await end(service.url)).status).toBe(404);
    const next = await server.refresh(app, body.refresh_token);
    expect(next.status).toBe(200);
    expect((await end(admin)).status).toBe(200);
    expect((await server.refresh(app, next.body.refresh_token)).status).toBe(400);
  });

  test.each([
    ['POST', oauthPaths.token],
    ['GET', oauthPaths.authorization],
    ['POST', oauthPaths.pushedRequest],
    ['GET', oauthPaths.jwks],
    ['POST', oauthPaths.introspection],
    ['POST', oauthPaths.revocation],
    ['POST', oauthPaths.registration],
    ['GET', oauthPaths.grants],
    ['POST', oauthPaths.backChannelLogout],
    ['GET', '/.well-known/openid-configuration'],
  ])('%s %s, which clients and patients use, is on the public port alone', async (method, path) => {
    const there = await fetch(`${admin}${path}`, { method });
    expect([there.status, there.headers.get('content-type')]).toEqual([404, 'application/problem+json']);
    expect((await fetch(`${service.url}${path}`, { method, redirect: 'manual' })).status).not.toBe(404);
  });
});
