import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
import { AlertWatch } from '../../../../test/alerts/alert-watch.js';
import { DecisionPoint } from '../../../../test/enforcement/decision-point.js';
import { KeepingServer } from '../../../../test/enforcement/keeping-server.js';
import { isolate, type Isolation } from '../../../../test/environment/isolation.js';
import { gateway } from '../gateway.part.js';

const observation = (id: string, patient: string) => ({
  resourceType: 'Observation',
  id,
  subject: { reference: `Patient/${patient}` },
});

describe('who says what a user may see, by endpoint', () => {
  const server = new KeepingServer(
    [
      ...[observation('o1', 'p1'), observation('o2', 'p2'), observation('o3', 'p3')],
      {
        resourceType: 'Group',
        id: 'g1',
        member: ['p1', 'p3'].map((id) => ({ entity: { reference: `Patient/${id}` } })),
      },
    ],
    (fhirUser, resource) => fhirUser.endsWith('/Practitioner/a') && resource.id === 'o1',
    'x-user',
  );
  const point = new DecisionPoint();
  const folder = mkdtempSync(join(tmpdir(), 'rights-'));
  let own: Isolation;
  let issuer: TestIssuer;
  let service: TestService;
  let seed: LogSeed;
  let application: SeededApplication;

  beforeAll(async () => {
    const [isolation, port, key] = await Promise.all([isolate(), freePort(), server.start(), point.start()]);
    own = isolation;
    issuer = await testIssuer();
    writeFileSync(join(folder, 'pdp-token'), 'token-of-pdp\n');
    writeFileSync(join(folder, 'key.jwk'), JSON.stringify(key));
    writeFileSync(join(folder, 'objections.json'), JSON.stringify({ '*': ['p3'] }));
    const credential = { kind: 'bearer', tokenFile: 'pdp-token' };
    const endpoints = [
      {
        id: 'asked',
        upstreamUrl: server.base,
        userRights: { kind: 'authzen', name: 'policies', url: point.url, credential, timeoutMs: 2_000 },
      },
      {
        id: 'told',
        upstreamUrl: server.base,
        userRights: { kind: 'upstream', keyFile: 'key.jwk', header: 'X-User' },
      },
      { id: 'ruled', upstreamUrl: server.base, userRights: { kind: 'rules', rules: ['Practitioner:everybody'] } },
      { id: 'unsaid', upstreamUrl: server.base },
      {
        id: 'admitting',
        upstreamUrl: server.base,
        admit: [
          { name: 'treated', kind: 'attribution', register: { kind: 'group', groups: { clinic: 'g1' } } },
          { name: 'objections', kind: 'opt-out', register: { kind: 'file', patientsFile: 'objections.json' } },
        ],
      },
    ];
    writeFileSync(join(folder, 'endpoints.json'), JSON.stringify({ endpoints }));
    seed = new LogSeed(quietLog(own));
    application = new SeededApplication(seed, await testClient('clinic'));
    service = await startTestService(gateway, {
      databaseUrl: own.databaseUrl,
      issuer,
      environment: {
        KAFKA_BROKERS: own.brokers,
        KAFKA_TOPIC_PREFIX: own.prefix,
        PORT: String(port),
        FHIR_ENDPOINTS: join(folder, 'endpoints.json'),
        GATEWAY_JWKS_URL: `${issuer.issuer}/jwks`,
        GATEWAY_USER_RIGHTS: 'Practitioner:patient-in-context',
      },
    });
    await application.registered();
    await application.approved(['user/Observation.rs', 'system/Observation.rs'], ['*']);
    await untilOpen(service, issuer, application.id);
  }, 90_000);

  afterAll(async () => {
    await service.close();
    await seed.close();
    await Promise.all([own.dispose(), issuer.close(), server.close(), point.close()]);
    rmSync(folder, { recursive: true });
  }, 30_000);

  beforeEach(() => {
    point.forget();
    point.wrong = undefined;
    point.decide = ({ resource: { properties } }) => properties.patients.includes('p1');
    server.requests.length = 0;
  });

  const tokenAt = async (endpoint: string, more: object = { fhirUser: 'Practitioner/a' }) =>
    await issuer.token({
      iss: service.url,
      aud: `${service.url}/fhir/${endpoint}`,
      sub: 'clinic',
      client_id: 'clinic',
      jti: 'token-1',
      scope: 'user/Observation.rs',
      gatehouse_application: application.id,
      gatehouse_approval_version: 1,
      gatehouse_epoch: 0,
      gatehouse_key: application.client.key.thumbprint,
      ...more,
    });
  const get = async (endpoint: string, target: string, more?: object) =>
    await service.call(`/fhir/${endpoint}${target}`, {
      headers: { authorization: `Bearer ${await tokenAt(endpoint, more)}`, 'x-user': 'a.b.c' },
    });

  test('a decision point is asked, by its own credential', async () => {
    expect((await get('asked', '/Observation/o1')).status).toBe(200);
    expect((await get('asked', '/Observation/o2')).status).toBe(404);
    expect(point.requests.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer token-of-pdp',
      'Bearer token-of-pdp',
    ]);
    expect(point.questions[0]).toMatchObject({
      subject: { type: 'Practitioner', id: 'a', properties: { fhirUser: `${service.url}/fhir/asked/Practitioner/a` } },
      context: { endpoint: 'asked', clientId: 'clinic' },
    });
  });

  test('one that does not answer is counted and raises an alert, and nothing leaves', async () => {
    const counted = async () =>
      [
        ...(await (await service.call('/metrics')).text()).matchAll(/^gatehouse_rights_unanswered_total(\S+) (\d+)$/gm),
      ].map(([, labels = '', count]) => [labels, Number(count)] as const);
    // Whoever may be asked is there from the beginning, with nought.
    expect(await counted()).toEqual([
      ['{endpoint="asked",by="policies"}', 0],
      ['{endpoint="admitting",by="treated"}', 0],
    ]);
    const watch = new AlertWatch({ gateway: service.url });
    expect(await watch.settles()).toEqual([]);
    point.wrong = 'fails';
    expect((await get('asked', '/Observation/o1')).status).toBe(503);
    expect((await counted())[0]?.[1]).toBeGreaterThan(0);
    await watch.fires('GatehouseRightsUnanswered', { endpoint: 'asked', by: 'policies' });
  });

  test('the FHIR server is told who acts, in the header that it reads, and of nobody by a caller', async () => {
    expect((await get('told', '/Observation/o1')).status).toBe(200);
    expect((await get('told', '/Observation/o2')).status).toBe(404);
    expect(server.told.at(-1)).toMatchObject({ fhirUser: `${service.url}/fhir/told/Practitioner/a`, aud: server.base });
    const backend = { scope: 'system/Observation.rs' };
    expect((await get('told', '/Observation/o2', backend)).status).toBe(200);
    expect(server.requests.at(-1)?.headers).not.toHaveProperty('x-user');
    expect(point.requests).toEqual([]);
  });

  test('a rule of the endpoint, or of the gateway where it says nothing', async () => {
    expect((await get('ruled', '/Observation/o2')).status).toBe(200);
    expect((await get('unsaid', '/Observation/o2')).status).toBe(403);
    expect((await get('unsaid', '/Observation/o2', { fhirUser: 'Practitioner/a', patient: 'p2' })).status).toBe(200);
  });

  test('of whom an application sees anything is said by all registers of the endpoint', async () => {
    const backend = { scope: 'system/Observation.rs' };
    const statuses = [];
    for (const id of ['o1', 'o2', 'o3']) statuses.push((await get('admitting', `/Observation/${id}`, backend)).status);
    expect(statuses).toEqual([200, 404, 404]);
    expect(server.requests.filter(({ url }) => url === '/fhir/Group/g1')).toHaveLength(1);
  });

  test('other enforcement points are told to ask the gateway, where somebody has to be asked or told', async () => {
    const headers = await issuer.bearer('proxy', 'enforcement-point');
    const decisionAt = async (endpoint: string, more?: object) => {
      const response = await service.call('/access/v1/evaluation', {
        headers,
        json: {
          subject: { type: 'access-token', id: 'x', properties: { token: await tokenAt(endpoint, more) } },
          action: { name: 'GET' },
          resource: { type: 'fhir-request', id: '/Observation/o1', properties: { endpoint } },
        },
      });
      return await response.json();
    };
    for (const endpoint of ['asked', 'told'])
      expect(await decisionAt(endpoint)).toMatchObject({ decision: false, context: { reason: 'requires-gateway' } });
    expect(await decisionAt('ruled')).toMatchObject({ decision: true });
    for (const endpoint of ['asked', 'told'])
      expect(await decisionAt(endpoint, { scope: 'system/Observation.rs' })).toMatchObject({ decision: true });
    expect(await decisionAt('admitting', { scope: 'system/Observation.rs' })).toMatchObject({
      decision: false,
      context: { reason: 'requires-gateway' },
    });
    expect(point.requests).toEqual([]);
  });
});
