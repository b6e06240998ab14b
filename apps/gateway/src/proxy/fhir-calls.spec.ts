import { randomBytes } from 'node:crypto';
import { on, once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import type { EffectiveAccess } from '#access';
import type { ActivityRecord, CallLimits } from '#contracts';
import { type Enforced, parseScopes } from '#smart';
import { VaultUnavailable } from '#vault';
import { openAccess } from '#testing';
import type { AccessTokenClaims } from '../believe-token/access-token-claims.js';
import { Origins } from '../allow-origins/origins.js';
import { BodyMemory } from '../ask-upstream/body-memory.js';
import { NoLongerAllowed } from '../ask-upstream/upstream-failed.js';
import { CallLimiter } from '../limit-calls/call-limits.js';
import { Observing } from '../observe/observing.js';
import { ExportLinks } from '../export/export-links.js';
import { ExportsAtWork } from '../export/exports-at-work.js';
import { PageLinks } from '../page-links/page-links.js';
import { Admissions } from '../admit-patients/admissions.js';
import { ConfiguredRights } from '../user-rights/configured-rights.js';
import { InFlightWrites } from '../write/in-flight-writes.js';
import { WriteSupport } from '../write/write-support.js';
import { CallRecords, type PatientIds } from './call-records.js';
import { FhirCalls } from './fhir-calls.js';
import { OpenCalls } from './open-calls.js';

const parsed = parseScopes(['system/Observation.rs']);
const claims: AccessTokenClaims = {
  endpoint: 'default',
  tokenId: 't1',
  epoch: 0,
  applicationId: 'a1',
  clientId: 'client-1',
  approvalVersion: 1,
  scopes: parsed.ok ? parsed.scopes : [],
  expiresAtMs: Date.now() + 3_600_000,
  subject: 'client-1',
};
const open = openAccess();

/** What is in force, the log and the upstream, as a test sets them. */
class Surroundings {
  lease = true;
  access: EffectiveAccess = open;
  acknowledges = true;
  limits: CallLimits = {};
  enforced: Enforced = {};
  bundles = { entries: 10, answerBytes: 100_000, timeMs: 30_000 };
  upstreamGives: object = { resourceType: 'Observation', id: 'o1' };
  patients: PatientIds = { vaultIdOf: async (id) => `vault-${id}`, onUnavailable: () => undefined };
  claims = claims;
  readonly records: ActivityRecord[] = [];
  /** The record of what became of a call is acknowledged after this. */
  completedWaits: Promise<void> = Promise.resolve();
  asked = 0;
  /** Runs while the upstream works. */
  meanwhile: () => void = () => undefined;
}

/** A gateway on loopback in these surroundings. */
async function gateway(around: Surroundings) {
  const point = {
    holdsLease: () => around.lease,
    access: { byApplicationId: () => around.access },
  };
  const activity = {
    append: async (record: ActivityRecord) => {
      if (!around.acknowledges) throw new Error('not acknowledged');
      around.records.push(record);
      if (record.type === 'access-completed') await around.completedWaits;
      return { id: 'r', position: { topic: 'gatehouse.activity', partition: 0, offset: 7n } };
    },
  };
  const ask = async (_target: unknown, { isAllowed }: { readonly isAllowed: () => boolean }) => {
    if (!isAllowed()) throw new NoLongerAllowed();
    around.asked++;
    around.meanwhile();
    return { resource: around.upstreamGives, text: JSON.stringify(around.upstreamGives) };
  };
  const upstream = {
    base: 'http://upstream/fhir',
    ask,
    read: ask,
    send: async () => ({ status: 500 }),
    pass: async () => ({ status: 500, headers: {}, body: Buffer.alloc(0) }),
    job: async () => ({ status: 501 }),
    // eslint-disable-next-line require-yield -- it has no files
    file: async function* () {
      throw new Error('there are no files');
    },
  };
  const log = { warn: () => undefined, error: () => undefined };
  const openCalls = new OpenCalls();
  const calls = new FhirCalls(
    { point, calls: openCalls },
    {
      tokens: { believe: async () => around.claims },
      possession: { check: async () => undefined, nonce: () => 'a-nonce' },
      admissions: new Admissions([]),
      rights: new ConfiguredRights(new Map()),
      pages: new PageLinks([randomBytes(32)]),
      exports: new ExportLinks([randomBytes(32)]),
      exportsAtWork: new ExportsAtWork(),
      records: new CallRecords(activity, 'gateway-1', 'default', around.patients),
      origins: new Origins({ isOriginOfAny: () => false }),
      upstream,
      observing: new Observing({ id: 'default' }),
      onObserved: () => undefined,
      memory: new BodyMemory(1_000_000),
      limiter: new CallLimiter(),
      limits: around.limits,
      bundles: around.bundles,
      writes: {
        enforced: around.enforced,
        inFlight: new InFlightWrites(),
        support: new WriteSupport(upstream),
        bodyMost: 100_000,
      },
    },
    { base: 'https://gatehouse.example.org/fhir', path: '/fhir' },
    log,
  );
  const handled: Promise<void>[] = [];
  const server = createServer((request, response) => void handled.push(calls.handle(request, response)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    openCalls,
    close: async () => {
      await Promise.all(handled);
      server.close();
    },
  };
}

/** Calls `GET /fhir/Observation/o1` there, on a connection of its own. */
async function call(
  around: Surroundings,
): Promise<{ readonly status: number; readonly text: string; readonly retryAfter: string | null }> {
  const { port, close } = await gateway(around);
  const response = await fetch(`http://127.0.0.1:${port}/fhir/Observation/o1`, {
    headers: { authorization: 'Bearer abc', connection: 'close' },
  });
  const text = await response.text();
  await close();
  return { status: response.status, text, retryAfter: response.headers.get('retry-after') };
}

describe('when nothing may leave', () => {
  test('otherwise it does, with a record before and one after', async () => {
    const around = new Surroundings();
    expect(await call(around)).toMatchObject({ status: 200, text: '{"resourceType":"Observation","id":"o1"}' });
    expect(around.records).toMatchObject([
      { type: 'access-allowed', data: { resourceId: 'o1' } },
      { type: 'access-completed', data: { status: 200, bytes: 40, ending: 'sent' } },
    ]);
  });

  test('no lease: 503, and the upstream is not asked', async () => {
    const around = new Surroundings();
    around.lease = false;
    expect(await call(around)).toMatchObject({ status: 503, retryAfter: '2' });
    expect(around.asked).toBe(0);
  });

  test('no acknowledgement of the record: 503, and nothing of the resource', async () => {
    const around = new Surroundings();
    around.acknowledges = false;
    const { status, text, retryAfter } = await call(around);
    expect({ status, retryAfter }).toEqual({ status: 503, retryAfter: '2' });
    expect(text).not.toContain('o1');
  });

  test('a call too many: 429 and when to come again, recorded, and the upstream is not asked', async () => {
    const around = new Surroundings();
    around.limits = { concurrentCalls: 1_000 };
    around.access = { ...open, limits: { callsPerMinute: 1, concurrentCalls: 1 } };
    const { port, close } = await gateway(around);
    const ask = async () =>
      await fetch(`http://127.0.0.1:${port}/fhir/Observation/o1`, {
        headers: { authorization: 'Bearer abc', connection: 'close' },
      });
    expect((await ask()).status).toBe(200);
    const refused = await ask();
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await refused.json()).toMatchObject({ resourceType: 'OperationOutcome', issue: [{ code: 'throttled' }] });
    await close();
    expect(around.asked).toBe(1);
    expect(around.records.at(-1)).toMatchObject({ type: 'access-denied', data: { status: 429 } });
  });

  test('a token that counts no more is told so, and not that it called too often', async () => {
    const around = new Surroundings();
    around.access = { ...open, status: 'closed', why: 'revoked', scopes: [], limits: { concurrentCalls: 1 } };
    const { port, close } = await gateway(around);
    for (let at = 0; at < 3; at++)
      expect(
        (
          await fetch(`http://127.0.0.1:${port}/fhir/Observation/o1`, {
            headers: { authorization: 'Bearer abc', connection: 'close' },
          })
        ).status,
      ).toBe(401);
    await close();
  });

  test('no acknowledgement of a refusal: 503 as well', async () => {
    const around = new Surroundings();
    around.acknowledges = false;
    around.access = { ...open, scopes: [] };
    expect(await call(around)).toMatchObject({ status: 503 });
  });

  test.each([
    ['the lease lapses', 503, (around: Surroundings) => (around.lease = false)],
    [
      'access is closed',
      401,
      (around: Surroundings) => (around.access = { ...open, status: 'closed', why: 'revoked', scopes: [] }),
    ],
    ['the approval is narrowed', 403, (around: Surroundings) => (around.access = { ...open, scopes: [] })],
  ])(
    '%s while the upstream works: what it gave is withheld, and that is recorded',
    async (_what, expected, happens) => {
      const around = new Surroundings();
      around.meanwhile = () => void happens(around);
      const { status, text } = await call(around);
      expect(status).toBe(expected);
      expect(text).not.toContain('o1');
      expect(around.records).toMatchObject([
        { type: 'access-allowed' },
        { type: 'access-completed', data: { status: expected, ending: 'withheld', bytes: 0 } },
      ]);
    },
  );
});

describe('whom a record names', () => {
  const subject = '9f9c7cfd-eee2-409d-ad67-70d7be17c722';
  const about = (...ids: string[]) => ({
    subject: { reference: `Patient/${ids[0] ?? ''}` },
    performer: ids.slice(1).map((id) => ({ reference: `Patient/${id}` })),
  });

  test('the user, the patient of the token, the purposes, and every patient of what was returned', async () => {
    const around = new Surroundings();
    around.access = { ...open, purposesOfUse: ['TREAT'] };
    around.claims = { ...claims, subject, grantId: 'g1', patient: 'p1' };
    around.upstreamGives = { resourceType: 'Observation', id: 'o1', ...about('p1', 'p2', 'p1') };
    expect((await call(around)).status).toBe(200);
    expect(around.records).toMatchObject([
      { type: 'access-allowed', data: { userId: subject, patient: 'vault-p1', purposesOfUse: ['TREAT'] } },
      { type: 'access-completed', data: { patients: ['vault-p1', 'vault-p2'] } },
    ]);
  });

  test('a client of its own is no user', async () => {
    const around = new Surroundings();
    await call(around);
    expect(around.records[0]?.data).not.toHaveProperty('userId');
  });

  test('nobody where nothing was returned', async () => {
    const around = new Surroundings();
    around.upstreamGives = { resourceType: 'Observation', id: 'another', ...about('p1') };
    expect((await call(around)).status).toBe(502);
    expect(around.records.at(-1)).toMatchObject({ type: 'access-completed', data: { patients: [] } });
  });

  test('without the vault the call goes on, is recorded, and it is told that a name is missing', async () => {
    const around = new Surroundings();
    let told = 0;
    around.patients = {
      vaultIdOf: async () => {
        throw new VaultUnavailable();
      },
      onUnavailable: () => told++,
    };
    around.claims = { ...claims, patient: 'p1' };
    around.upstreamGives = { resourceType: 'Observation', id: 'o1', ...about('p1') };
    expect((await call(around)).status).toBe(200);
    expect(around.records).toMatchObject([
      { type: 'access-allowed' },
      { type: 'access-completed', data: { patients: [], patientsIncomplete: true } },
    ]);
    expect(told).toBe(2);
  });
});

test("a call whose answer is over is not cut: its connection is the next call's", async () => {
  const around = new Surroundings();
  const acknowledged = Promise.withResolvers<void>();
  around.completedWaits = acknowledged.promise;
  const { port, openCalls, close } = await gateway(around);
  const socket = connect(port, '127.0.0.1');
  const ask = () => socket.write('GET /fhir/Observation/o1 HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer abc\r\n\r\n');
  let heard = '';
  const answers = async (pattern: RegExp) => {
    for await (const piece of on(socket, 'data', { close: ['close'] })) {
      heard += String(piece);
      if (pattern.test(heard)) return;
    }
  };
  ask();
  await answers(/"o1"/);
  around.access = { ...open, status: 'closed', why: 'suspended' };
  openCalls.lookAgain('a1');
  ask();
  await answers(/HTTP\/1\.1 401/);
  acknowledged.resolve();
  socket.end();
  await close();
  expect(heard).toMatch(/^HTTP\/1\.1 200[^]*HTTP\/1\.1 401/);
});
