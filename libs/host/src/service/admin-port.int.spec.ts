import { connect } from 'node:net';
import {
  freePort,
  rawRequest,
  startTestService,
  testIssuer,
  type TestIssuer,
  type TestService,
  things,
} from '#testing';
import { isolate, type Isolation } from '../../../../test/environment/isolation.js';

describe('administration on a port of its own', () => {
  let own: Isolation;
  let issuer: TestIssuer;
  let service: TestService;
  let adminPort: number;
  let admin: string;

  beforeAll(async () => {
    [own, issuer, adminPort] = await Promise.all([isolate(), testIssuer(), freePort()]);
    admin = `http://127.0.0.1:${adminPort}`;
    service = await startTestService(
      { ...things, publicPaths: ['/patients'] },
      { databaseUrl: own.databaseUrl, issuer, environment: { ADMIN_PORT: String(adminPort), REQUESTS_AT_ONCE: '70' } },
    );
  }, 30_000);

  afterAll(async () => {
    await service.close();
    await Promise.all([own.dispose(), issuer.close()]);
    await expect(fetch(`${admin}/health/live`)).rejects.toThrow();
  });

  it('answers there while the public port has as much to do as it takes at once', async () => {
    const held = Array.from({ length: 70 }, () => {
      const socket = connect({ host: '127.0.0.1', port: Number(new URL(service.url).port) });
      const head = ['POST /patients HTTP/1.1', 'Host: x', 'Content-Type: application/json', 'Content-Length: 2'];
      socket.on('error', () => undefined).write(`${head.join('\r\n')}\r\n\r\n`);
      return socket;
    });
    const untilStatus = async (isRefused: boolean): Promise<void> => {
      while (((await service.call('/patients')).status === 503) !== isRefused);
    };
    await untilStatus(true);
    // Nobody there has the places that are kept for the probes of the other port.
    expect((await service.call('/health/live')).status).toBe(503);
    expect((await fetch(`${admin}/health/live`)).status).toBe(200);
    for (const socket of held) socket.destroy();
    await untilStatus(false);
  });

  it('is there, and only there', async () => {
    const statuses = async (at: string, paths: readonly string[]) =>
      Promise.all(paths.map(async (path) => (await fetch(`${at}${path}`)).status));
    const administrative = ['/things/open/door', '/health/live', '/docs/openapi.json', '/metrics'];
    expect(await statuses(admin, administrative)).toEqual([200, 200, 200, 200]);
    expect(await statuses(service.url, administrative)).toEqual([404, 404, 404, 404]);
    const forwarded = await fetch(`${service.url}/things/open/door`, {
      headers: { 'x-forwarded-port': String(adminPort), 'x-forwarded-host': `127.0.0.1:${adminPort}` },
    });
    expect(forwarded.status).toBe(404);
    const open = ['/oauth/open', '/patients/open', '/fhir'];
    expect(await statuses(service.url, open)).toEqual([200, 200, 200]);
    expect(await statuses(admin, open)).toEqual([404, 404, 404]);
  });

  it('has each route that names roles, wherever its path is', async () => {
    const headers = await issuer.bearer('op', 'operator');
    const at = (base: string) => fetch(`${base}/oauth/things/1/closure`, { method: 'POST', headers });
    expect([(await at(service.url)).status, (await at(admin)).status]).toEqual([404, 201]);
  });

  it('has a route that is answered before the router, too', async () => {
    const headers = { ...(await issuer.bearer('op', 'operator')), 'content-type': 'application/json' };
    const at = (base: string) => fetch(`${base}/oauth/counts`, { method: 'POST', headers, body: '[1]' });
    expect([(await at(service.url)).status, (await at(admin)).status]).toEqual([404, 200]);
  });

  it.each([
    ['as it is', '/oauth/things/1/closure'],
    ['with a query', '/oauth/things/1/closure?x=/oauth/open'],
    ['with a letter encoded', '/oauth/things/1/clos%75re'],
    ['with its first letter encoded', '/%6Fauth/things/1/closure'],
    ['as a whole URL', 'http://gatehouse.example/oauth/things/1/closure'],
    ['of a public one’s whole URL', 'http://gatehouse.example/oauth/open/../things/1/closure'],
  ])('is not reached from the other port by a path written %s', async (_how, path) => {
    const headers = Object.entries(await issuer.bearer('op', 'operator')).map((header) => `${header.join(': ')}\r\n`);
    expect(await rawRequest(service.url, 'POST', path, headers.join(''))).toMatch(/^HTTP\/1\.1 404 /);
  });

  it('shows nothing of itself on the other port: not which methods it has, and not that it reads a body', async () => {
    const asked = [
      await fetch(`${service.url}/things/open/door`, { method: 'PUT' }),
      await fetch(`${service.url}/things`, {
        method: 'POST',
        body: '{',
        headers: { 'content-type': 'application/json' },
      }),
      await fetch(`${service.url}/oauth/things/1/closure`, {
        method: 'POST',
        body: '{',
        headers: { 'content-type': 'x/y' },
      }),
    ];
    expect(asked.map(({ status, headers }) => [status, headers.get('allow')])).toEqual([
      [404, null],
      [404, null],
      [404, null],
    ]);
  });

  it('hides a route that names roles from a wrong method too, and what is public below the same paths not', async () => {
    const put = async (base: string, path: string) => {
      const { status, headers } = await fetch(`${base}${path}`, { method: 'PUT' });
      return [status, headers.get('allow')];
    };
    const answer = async (path: string) => {
      const headers = { 'x-correlation-id': '019c2f1e-7a00-71fe-8289-205936c3f005' };
      const response = await fetch(`${service.url}${path}`, { method: 'PUT', headers });
      return [response.status, [...response.headers].filter(([name]) => name !== 'date'), await response.text()];
    };
    const nowhere = await answer('/oauth/nothing/1/closure');
    expect(nowhere[0]).toBe(404);
    expect(await answer('/oauth/things/1/closure')).toEqual(nowhere);
    expect(await answer('/oauth/things/1/closure?x=/oauth/open')).toEqual(nowhere);
    expect(await put(admin, '/oauth/things/1/closure')).toEqual([405, 'POST']);
    expect(await put(service.url, '/oauth/open')).toEqual([405, 'GET, HEAD']);
    expect(await put(admin, '/oauth/open')).toEqual([404, null]);
  });
});
