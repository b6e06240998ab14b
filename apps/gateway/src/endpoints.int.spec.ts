import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ActivityEntry, parsePosition } from '#contracts';
import {
  freePort,
  LogSeed,
  SeededApplication,
  startTestService,
  testClient,
  testIssuer,
  type TestIssuer,
  type TestService,
  followActivity,
  quietLog,
  type FollowedActivity,
  untilOpen,
} from '#testing';
import { AlertWatch } from '../../../test/alerts/alert-watch.js';
import { isolate, type Isolation } from '../../../test/environment/isolation.js';
import { gateway } from './gateway.part.js';

const tomorrow = new Date(Date.now() + 86_400_000).toISOString();

/** A FHIR server that has one observation, and says whose it is and how it was signed in to. */
class NamedUpstream {
  readonly authorizations: (string | undefined)[] = [];
  base = '';
  readonly #server: Server = createServer((request, response) => {
    this.authorizations.push(request.headers.authorization);
    response.writeHead(200, { 'content-type': 'application/fhir+json' });
    const observation = { resourceType: 'Observation', id: 'o1', status: this.name };
    const labelled = { ...observation, id: 'o2', meta: { security: [{ system: 'urn:labels', code: 'R' }] } };
    const next = { relation: 'next', url: `${this.base}?_getpages=1` };
    const bundle = { resourceType: 'Bundle', type: 'searchset', link: [next], entry: [{ resource: observation }] };
    const there = [observation, labelled].find(({ id }) => request.url === `/fhir/Observation/${id}`);
    response.end(JSON.stringify(there ?? bundle));
  });

  constructor(readonly name: string) {}

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    this.base = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/fhir`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

describe('the gateway before two FHIR servers', () => {
  const [north, south] = [new NamedUpstream('north'), new NamedUpstream('south')];
  const folder = mkdtempSync(join(tmpdir(), 'endpoints-'));
  let own: Isolation;
  let issuer: TestIssuer;
  let service: TestService;
  let seed: LogSeed;
  let everywhere: SeededApplication;
  let southern: SeededApplication;
  let observed: SeededApplication;
  let western: SeededApplication;
  let activity: FollowedActivity;

  beforeAll(async () => {
    const [isolation, port] = await Promise.all([isolate(), freePort(), north.start(), south.start()]);
    own = isolation;
    issuer = await testIssuer();
    writeFileSync(join(folder, 'north-token'), 'token-of-north\n');
    const credential = { kind: 'bearer', tokenFile: 'north-token' };
    const settings = quietLog(own);
    seed = new LogSeed(settings);
    everywhere = new SeededApplication(seed, await testClient('everywhere'));
    southern = new SeededApplication(seed, await testClient('southern'));
    observed = new SeededApplication(seed, await testClient('observed'));
    western = new SeededApplication(seed, await testClient('western'));
    const observe = [{ applications: [observed.id], interactions: ['search-type', 'read'], until: tomorrow }];
    const endpoints = [
      { id: 'north', upstreamUrl: north.base, credential, observe },
      { id: 'south', upstreamUrl: south.base, withhold: [{ name: 'restricted', security: ['urn:labels|R'] }] },
    ];
    writeFileSync(join(folder, 'endpoints.json'), JSON.stringify({ endpoints }));
    service = await startTestService(gateway, {
      databaseUrl: own.databaseUrl,
      issuer,
      environment: {
        KAFKA_BROKERS: own.brokers,
        KAFKA_TOPIC_PREFIX: own.prefix,
        PORT: String(port),
        FHIR_ENDPOINTS: join(folder, 'endpoints.json'),
        GATEWAY_JWKS_URL: `${issuer.issuer}/jwks`,
      },
    });
    // `west` was an endpoint when this one was approved.
    const covers = new Map([
      [everywhere, ['*']],
      [southern, ['south']],
      [observed, ['*']],
      [western, ['west']],
    ]);
    for (const [each, endpoints] of covers) {
      await each.registered();
      await each.approved(['system/Observation.rs'], endpoints);
    }
    activity = await followActivity(settings);
    for (const { id } of covers.keys()) await untilOpen(service, issuer, id);
  }, 90_000);

  afterAll(async () => {
    await activity.close();
    await service.close();
    await seed.close();
    await Promise.all([own.dispose(), issuer.close(), north.close(), south.close()]);
    rmSync(folder, { recursive: true });
  }, 30_000);

  const tokenAt = (path: string, { id, client } = everywhere, scope = 'system/Observation.rs') =>
    issuer.token({
      iss: service.url,
      aud: service.url + path,
      sub: client.clientId,
      client_id: client.clientId,
      jti: 'token-1',
      scope,
      gatehouse_application: id,
      gatehouse_approval_version: 1,
      gatehouse_epoch: 0,
      gatehouse_key: client.key.thumbprint,
    });

  const call = async (path: string, token: string) =>
    await service.call(path, { headers: { authorization: `Bearer ${token}` } });

  /** The record of the decision that an answer names. */
  async function recordOf(response: Response): Promise<ActivityEntry | undefined> {
    const position = parsePosition(response.headers.get('gatehouse-position') ?? '');
    if (!position) throw new Error(`no position of an audit record in an answer ${response.status}`);
    const ends = Array.from({ length: 8 }, (_, at) => (at === position.partition ? position.offset + 1n : 0n));
    await activity.until(new Map([[position.topic, ends]]));
    const correlationId = response.headers.get('x-correlation-id');
    return activity.records.find(
      ({ type, meta }) => type !== 'access-completed' && meta.correlationId === correlationId,
    );
  }

  test.each([
    ['north', '/fhir/north'],
    ['south', '/fhir/south'],
  ])('a token works at its own endpoint: %s', async (name, path) => {
    const response = await call(`${path}/Observation/o1`, await tokenAt(path));
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ status: name });
    expect(await recordOf(response)).toMatchObject({ type: 'access-allowed', data: { endpoint: name } });
  });

  test('the FHIR server of each sees the credential that is meant for it, and no other', async () => {
    north.authorizations.length = south.authorizations.length = 0;
    await call('/fhir/north/Observation/o1', await tokenAt('/fhir/north'));
    await call('/fhir/south/Observation/o1', await tokenAt('/fhir/south'));
    expect([north.authorizations, south.authorizations]).toEqual([['Bearer token-of-north'], [undefined]]);
  });

  test.each([
    ['another endpoint’s', '/fhir/north', '/fhir/south'],
    ['one for all of them', '/fhir/north', '/fhir'],
    ['one whose audience only begins like it', '/fhir/north', '/fhir/northern'],
  ])('%s token is none', async (_whose, path, audience) => {
    const token = await tokenAt(audience);
    // Remembered by the endpoint that it is for, it is still none here.
    await call('/fhir/south/Observation/o1', token);
    const response = await call(`${path}/Observation/o1`, token);
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toContain('invalid_token');
  });

  test('what one endpoint withholds another gives', async () => {
    const at = async (path: string, id: string) =>
      (await call(`${path}/Observation/${id}`, await tokenAt(path))).status;
    expect([await at('/fhir/north', 'o2'), await at('/fhir/south', 'o2')]).toEqual([200, 404]);
    expect([await at('/fhir/north', 'o1'), await at('/fhir/south', 'o1')]).toEqual([200, 200]);
  });

  test('an approval for one endpoint opens no other', async () => {
    const inside = await call('/fhir/south/Observation/o1', await tokenAt('/fhir/south', southern));
    const outside = await call('/fhir/north/Observation/o1', await tokenAt('/fhir/north', southern));
    expect([inside.status, outside.status]).toEqual([200, 403]);
    expect(await recordOf(outside)).toMatchObject({
      type: 'access-denied',
      data: { endpoint: 'north', reason: 'the approval does not cover this endpoint' },
    });
  });

  test('an approval for an endpoint that was taken away opens nothing', async () => {
    const statuses: number[] = [];
    for (const path of ['/fhir/north', '/fhir/south', '/fhir/west', '/fhir'])
      for (const audience of ['/fhir/west', '/fhir', path])
        statuses.push((await call(`${path}/Observation/o1`, await tokenAt(audience, western))).status);
    const served = [401, 401, 403];
    expect(statuses).toEqual([...served, ...served, 404, 404, 404, 404, 404, 404]);
  });

  test('what a FHIR server does not keep is not written, and an alert says so', async () => {
    const writing = new SeededApplication(seed, await testClient('writing'));
    await writing.registered();
    await writing.approved(['system/Observation.u'], ['south']);
    await untilOpen(service, issuer, writing.id);
    const written = await service.call('/fhir/south/Observation/o1', {
      method: 'PUT',
      headers: { authorization: `Bearer ${await tokenAt('/fhir/south', writing, 'system/Observation.u')}` },
      json: { resourceType: 'Observation', id: 'o1', status: 'final' },
    });
    expect(written.status).toBeGreaterThanOrEqual(400);
    await new AlertWatch({ gateway: service.url }).fires('GatehouseWritesNotKept', {
      endpoint: 'south',
      write: 'update',
    });
  });

  test('a page link leads nowhere at another endpoint', async () => {
    const first = await call('/fhir/north/Observation?_count=1', await tokenAt('/fhir/north'));
    const { link } = (await first.json()) as { readonly link: readonly { relation: string; url: string }[] };
    const next = link.find(({ relation }) => relation === 'next')?.url.slice(service.url.length) ?? '';
    expect(next).toMatch(/^\/fhir\/north\/Observation\?_page=/);
    expect((await call(next, await tokenAt('/fhir/north'))).status).toBe(200);
    expect((await call(next.replace('north', 'south'), await tokenAt('/fhir/south'))).status).toBe(403);
  });

  describe('observing one application at one endpoint', () => {
    const patient = async (path: string, of: SeededApplication) =>
      await call(`${path}/Patient?_count=1`, await tokenAt(path, of));

    test('lets in there what is refused to others and elsewhere, and records it so', async () => {
      const there = await patient('/fhir/north', observed);
      expect([there.status, there.headers.get('gatehouse-mode')]).toEqual([200, 'observe']);
      expect(await recordOf(there)).toMatchObject({
        type: 'access-allowed',
        data: { endpoint: 'north', observed: 'denied', reason: expect.stringContaining('observed, not refused') },
      });
      const others = await patient('/fhir/north', everywhere);
      const elsewhere = await patient('/fhir/south', observed);
      expect([others.status, elsewhere.status, elsewhere.headers.get('gatehouse-mode')]).toEqual([403, 403, null]);
    });

    test('says so in health, metrics and the view of the application', async () => {
      expect(await (await service.call('/health/ready')).json()).toMatchObject({ status: 'ready', modes: ['observe'] });
      const metrics = await (await service.call('/metrics')).text();
      expect(metrics).toContain('gatehouse_observed_applications{endpoint="north"} 1');
      expect(metrics).toContain('gatehouse_observed_applications{endpoint="south"} 0');
      expect(metrics).toMatch(/gatehouse_observed_calls_total\{endpoint="north",outcome="denied"\} \d/);
      const { annotations } = await new AlertWatch({ gateway: service.url }).fires('GatehouseObserving', {
        endpoint: 'north',
      });
      expect(annotations['summary']).toContain('1 applications at north');
      const headers = await issuer.bearer('op', 'operator');
      const shown = async (id: string) => await (await service.call(`/access/applications/${id}`, { headers })).json();
      expect(await shown(observed.id)).toMatchObject({
        observed: [{ endpoint: 'north', interactions: ['search-type', 'read'], until: tomorrow }],
      });
      expect(await shown(everywhere.id)).not.toHaveProperty('observed');
    });

    test('decisions for others are told as they are', async () => {
      const headers = await issuer.bearer('nginx', 'enforcement-point');
      const token = await tokenAt('/fhir/north', observed);
      const held = { 'x-original-method': 'GET', 'x-original-authorization': `Bearer ${token}` };
      const uri = { 'x-original-uri': '/fhir/north/Patient?_count=1' };
      expect((await service.call('/ext-authz', { headers: { ...headers, ...held, ...uri } })).status).toBe(403);
    });
  });

  test.each([
    '/fhir',
    '/fhir/Observation/o1',
    '/fhir/west/Observation/o1',
    '/fhir/north%2f..%2fsouth/Observation/o1',
    '/fhir//north/Observation/o1',
  ])('%s is no endpoint', async (path) => {
    const response = await call(path, await tokenAt('/fhir/north'));
    expect(response.status).toBe(404);
  });

  test('each says what it is, without a token', async () => {
    const capabilities = await service.call('/fhir/north/metadata');
    expect(await capabilities.json()).toMatchObject({ implementation: { url: `${service.url}/fhir/north` } });
    const smart = await service.call('/fhir/south/.well-known/smart-configuration');
    expect(await smart.json()).toMatchObject({ issuer: service.url, token_endpoint: `${service.url}/oauth/token` });
  });

  test('decisions for others name the endpoint, or are about none', async () => {
    const headers = await issuer.bearer('nginx', 'enforcement-point');
    const ask = async (endpoint: string | undefined, token: string) =>
      await service.call('/access/v1/evaluation', {
        headers,
        json: {
          subject: { type: 'access-token', id: 'x', properties: { token } },
          action: { name: 'GET' },
          resource: {
            type: 'fhir-request',
            id: '/Observation/o1',
            ...(endpoint === undefined ? {} : { properties: { endpoint } }),
          },
        },
      });
    const token = await tokenAt('/fhir/north');
    expect(await (await ask('north', token)).json()).toMatchObject({ decision: true });
    expect(await (await ask('south', token)).json()).toMatchObject({ decision: false, context: { status: 401 } });
    expect((await ask(undefined, token)).status).toBe(400);

    const held = { ...headers, 'x-original-method': 'GET', 'x-original-authorization': `Bearer ${token}` };
    const authz = async (uri: string) =>
      (await service.call('/ext-authz', { headers: { ...held, 'x-original-uri': uri } })).status;
    expect([await authz('/fhir/north/Observation/o1'), await authz('/fhir/south/Observation/o1')]).toEqual([200, 401]);
    expect(await authz('/fhir/Observation/o1')).toBe(400);
  });
});
