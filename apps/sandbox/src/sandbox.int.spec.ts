import { createService, CurrentCaller, Log, Roles, type Caller, type RunningService, type ServicePart } from '#host';
import { freePort } from '#testing';
import { Controller, Get, Module } from '@nestjs/common';
import { fastify } from 'fastify';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isolate, type Isolation } from '../../../test/environment/isolation.js';
import { sandboxPart } from './sandbox.part.js';
import { startSandbox } from './start-sandbox.js';

@Controller('sandbox-test')
class WhoController {
  @Get()
  @Roles('operator')
  who(@CurrentCaller() { subject, email, roles }: Caller) {
    return { subject, email, roles };
  }
}
@Module({ controllers: [WhoController] })
class WhoModule {}

/** A service beside the sandbox, as in the one process. */
const whoPart: ServicePart = { name: 'who', defaultPort: 0, module: WhoModule, parts: [sandboxPart] };

describe('the sandbox in a service', () => {
  let own: Isolation;
  let dataDir: string;
  let service: RunningService;
  beforeAll(async () => {
    [own, dataDir] = await Promise.all([isolate(), mkdtemp(join(tmpdir(), 'sandbox-'))]);
    service = await start();
  });
  afterAll(async () => {
    await service.close();
    await own.dispose();
    await rm(dataDir, { recursive: true });
  });

  async function start(): Promise<RunningService> {
    const port = await freePort();
    const started = await createService(whoPart, {
      GATEHOUSE_DEV: '1',
      LOG_LEVEL: 'fatal',
      KAFKA_BROKERS: own.brokers,
      DATABASE_URL: own.databaseUrl,
      DATABASE_POOL: '2',
      PORT: String(port),
      DATA_DIR: dataDir,
      VAULT_KEY: Buffer.alloc(32, 7).toString('base64'),
    });
    await started.ready();
    return started;
  }

  const tokenOf = async (as: string) => {
    const response = await fetch(`${service.url}/sandbox/directory/development-token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ as }),
    });
    return ((await response.json()) as { access_token: string }).access_token;
  };
  const whoIs = async (token: string) =>
    fetch(`${service.url}/sandbox-test`, { headers: { authorization: `Bearer ${token}` } });

  it('issues tokens that the service believes, with their roles', async () => {
    const operator = await whoIs(await tokenOf('operator@example.org'));
    expect(await operator.json()).toEqual({
      subject: 'operator@example.org',
      email: 'operator@example.org',
      roles: ['operator'],
    });
    expect((await whoIs(await tokenOf('dev@example.org'))).status).toBe(403);
    expect((await whoIs(await tokenOf('patient-01@example.org'))).status).toBe(403);
  });

  it('serves the FHIR server below its path, with links to itself', async () => {
    const target = '/sandbox/fhir/Observation?patient=patient-01&category=laboratory&_count=1';
    const response = await fetch(`${service.url}${target}`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toContain('application/fhir+json');
    expect(await response.json()).toMatchObject({
      total: 1,
      link: [{ relation: 'self', url: `${service.url}${target}` }],
      entry: [{ fullUrl: `${service.url}/sandbox/fhir/Observation/observation-01-laboratory` }],
    });
  });

  it('takes FHIR bodies and forms, and refuses what is too large', async () => {
    const send = (path: string, type: string, body: string) =>
      fetch(`${service.url}/sandbox/fhir${path}`, { method: 'POST', headers: { 'content-type': type }, body });
    expect((await send('/Patient', 'application/fhir+json', '{"resourceType":"Patient"}')).status).toBe(201);
    expect(
      await (await send('/Patient/_search', 'application/x-www-form-urlencoded', '_id=patient-02')).json(),
    ).toMatchObject({ total: 1 });
    const large = `{"resourceType":"Patient"}${' '.repeat(2 * 1024 * 1024)}`;
    expect((await send('/Patient', 'application/fhir+json', large)).status).toBe(201);
    expect((await send('/Patient', 'application/fhir+json', ' '.repeat(6 * 1024 * 1024))).status).toBe(413);
  });

  it('answers HEAD like GET, without the body', async () => {
    const response = await fetch(`${service.url}/sandbox/fhir/Patient/patient-01`, { method: 'HEAD' });
    expect([response.status, response.headers.get('etag'), await response.text()]).toEqual([200, 'W/"1"', '']);
  });

  it('keeps the directory’s keys across a restart', async () => {
    const [before, stopped] = [await tokenOf('operator@example.org'), service.url];
    await service.close();
    service = await start();
    const keys = createRemoteJWKSet(new URL(`${service.url}/sandbox/directory/jwks`));
    const { payload } = await jwtVerify(before, keys, {
      audience: 'gatehouse',
      issuer: `${stopped}/sandbox/directory`,
    });
    expect(payload['roles']).toEqual(['operator']);
  });
});

it.each([
  ['outside development', { development: false }],
  ['on an address that others reach', { host: '0.0.0.0' }],
  ['under a public URL', { publicUrl: 'https://gatehouse.example.org' }],
])('the sandbox is not mounted %s', async (_where, change) => {
  const server = fastify();
  const settings = {
    development: true,
    host: '127.0.0.1',
    publicUrl: 'http://127.0.0.1:1',
    identityAudience: 'gatehouse',
    dataDir: '',
    ...change,
  };
  await expect(startSandbox(server, settings, Log.create('sandbox', 'silent'))).rejects.toThrow('does not start');
  expect((await server.inject('/sandbox/fhir/metadata')).statusCode).toBe(404);
  await server.close();
});
