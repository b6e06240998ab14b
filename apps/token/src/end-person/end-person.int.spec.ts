import { decodeErasure, erasuresTopic } from '#contracts';
import { LogScanner } from '#event-log';
import { Client } from 'pg';
import { generateKeyPair, type CryptoKey } from 'jose';
import { testAuthorization, testBrowser, type TestApp, type TestAuthorization } from '#testing';
import { LocalWrappingKeys, OwnerErased, PostgresVault, SystemKeys, VaultErasures, type VaultStore } from '#vault';
import { tokenPart } from '../token.part.js';

let server: TestAuthorization;

beforeAll(async () => {
  server = await testAuthorization(tokenPart);
}, 60_000);
afterAll(() => server.close(), 60_000);

const lasting = 'launch/patient patient/Patient.rs offline_access';
let people = 0;

/** Somebody new who signed in, in a session of the provider's, and let an application in for as long as it likes. */
async function somebody({ sid, app }: { readonly sid?: string; readonly app?: TestApp } = {}) {
  const sub = `person-${++people}`;
  server.issuer.signInAs({ sub, fhirUser: 'Patient/p1', sid });
  const application = app ?? (await server.approved());
  const granted = await server.granted(application, { scope: lasting }, [['duration', 'offline']]);
  const claims = await server.claimsOf(granted.body.access_token);
  const form = { app: application, sub, userId: claims.sub ?? '', grant: String(claims['gatehouse_grant']) };
  return { ...form, browser: granted.browser, refreshToken: granted.body.refresh_token ?? '' };
}
type Somebody = Awaited<ReturnType<typeof somebody>>;

async function revoke(userId: string, role = 'operator', body: unknown = { reason: 'They left the hospital.' }) {
  const headers = await server.issuer.bearer('olga', role);
  const response = await server.service.call(`/oauth/users/${userId}/revocation`, { json: body, headers });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

async function logout(claims: Record<string, unknown>, ...signed: unknown[]) {
  const [header = { typ: 'logout+jwt' }, key] = signed as [Parameters<typeof server.issuer.token>[1], CryptoKey?];
  const logoutToken = await server.issuer.token(
    {
      aud: 'gatehouse-sign-in',
      jti: crypto.randomUUID(),
      events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
      ...claims,
    },
    header,
    ...(key === undefined ? [] : [key]),
  );
  const body = new URLSearchParams({ logout_token: logoutToken });
  const response = await server.service.call('/oauth/back-channel-logout', { method: 'POST', body });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

/** Whether a browser is still signed in: else it is sent to the provider. */
async function isSignedIn({ browser }: Somebody): Promise<boolean> {
  const { page } = await browser.follow(`${server.service.url}/oauth/grants`, 'about:nothing');
  return page?.includes('sign-out') === true;
}

const endOf = (grant: string) =>
  server.gathered(server.events, ({ type, data }) => type === 'grant-revoked' && data.grantId === grant);

describe('an operator ends what a person has', () => {
  test('sessions, grants and tokens, everywhere, with the receipts; a second time is as good', async () => {
    const person = await somebody();
    const other = await somebody();
    const { status, body } = await revoke(person.userId);
    expect([status, body]).toEqual([
      200,
      {
        userId: person.userId,
        sessions: 1,
        grants: 1,
        enforcedAt: expect.any(String),
        receipts: [expect.objectContaining({ applicationId: person.app.id, outstanding: [] })],
      },
    ]);
    const ended = await endOf(person.grant);
    expect([ended.data, ended.meta.actor]).toEqual([
      expect.objectContaining({ cause: 'user-revoked', reason: 'They left the hospital.' }),
      expect.stringMatching(/^[0-9a-f-]{36}$/),
    ]);
    expect((await server.refresh(person.app, person.refreshToken)).body.error).toBe('invalid_grant');
    expect((await server.refresh(other.app, other.refreshToken)).status).toBe(200);
    expect(await server.sql(`SELECT 1 FROM protocol.sessions WHERE user_id = '${person.userId}'`)).toEqual([]);
    expect(await revoke(person.userId)).toMatchObject({ status: 200, body: { sessions: 0, grants: 1 } });
  });

  test('a code that was not redeemed yet brings nothing', async () => {
    const app = await server.approved();
    const sub = `person-${++people}`;
    server.issuer.signInAs({ sub, fhirUser: 'Patient/p1' });
    const { url, verifier } = server.request(app, { scope: lasting });
    const code = (await server.agree(testBrowser(), url)).searchParams.get('code');
    const [row] = (await server.sql(
      `SELECT user_id FROM protocol.grants WHERE application_id = '${app.id}'`,
    )) as readonly [{ user_id: string }];
    expect(await revoke(row.user_id)).toMatchObject({ status: 200, body: { grants: 1 } });
    expect((await server.redeem(app, code, verifier)).body.error).toBe('invalid_grant');
  });

  test('who was asked before it agrees to nothing after it', async () => {
    const person = await somebody();
    const app = await server.approved();
    const { page, url, csrf } = await server.toPage(person.browser, server.request(app, { scope: lasting }).url);
    expect(page).toContain('decision');
    await revoke(person.userId);
    const fields: [string, string][] = [
      ['csrf', csrf],
      ['decision', 'allow'],
      ['scope', 'patient/Patient.rs'],
    ];
    await person.browser.post(`${url}/consent`, fields, server.back);
    expect(await server.sql(`SELECT 1 FROM protocol.grants WHERE application_id = '${app.id}'`)).toEqual([]);
  });

  test.each([['reviewer'], ['developer'], ['auditor'], ['enforcement-point']])('a %s may not', async (role) => {
    expect((await revoke(crypto.randomUUID(), role)).status).toBe(403);
  });

  test('nobody, and nothing without a reason', async () => {
    expect((await revoke(crypto.randomUUID())).status).toBe(404);
    expect((await revoke('ada')).status).toBe(404);
    expect((await revoke(crypto.randomUUID(), 'operator', {})).status).toBe(400);
  });
});

describe('the provider says that somebody is signed out', () => {
  test('[OIDC Back-Channel Logout §2.7] of one session: what goes on without them goes on', async () => {
    const person = await somebody({ sid: 'one' });
    const online = await server.approved();
    const { body } = await server.granted(online, { scope: 'launch/patient patient/Patient.rs online_access' }, []);
    expect(body.refresh_token).toBeDefined();
    const answer = await logout({ sub: person.sub, sid: 'one' });
    expect(answer).toMatchObject({ status: 200, body: { userId: person.userId, grants: 1, sessions: 2 } });
    expect((await server.refresh(online, body.refresh_token)).body.error).toBe('invalid_grant');
    expect((await server.refresh(person.app, person.refreshToken)).status).toBe(200);
  });

  test('of another session: nothing ends', async () => {
    const person = await somebody({ sid: 'mine' });
    expect(await logout({ sub: person.sub, sid: 'another' })).toMatchObject({ status: 200, body: { sessions: 0 } });
    expect(await isSignedIn(person)).toBe(true);
  });

  test('of all sessions, as a disabled person is: nothing of theirs counts any more', async () => {
    const person = await somebody({ sid: 'two' });
    const answer = await logout({ sub: person.sub });
    expect(answer).toMatchObject({
      status: 200,
      body: { userId: person.userId, grants: 1, receipts: [expect.objectContaining({ applicationId: person.app.id })] },
    });
    expect((await endOf(person.grant)).data).toMatchObject({ cause: 'user-revoked' });
    expect((await server.refresh(person.app, person.refreshToken)).body.error).toBe('invalid_grant');
  });

  test('of one session and its offline access: both end', async () => {
    const person = await somebody({ sid: 'three' });
    const events = { 'http://schemas.openid.net/event/backchannel-logout': {}, revoke_offline_access: true };
    expect((await logout({ sub: person.sub, sid: 'three', events })).status).toBe(200);
    expect((await server.refresh(person.app, person.refreshToken)).body.error).toBe('invalid_grant');
  });

  test.each([
    ['for somebody else', { aud: 'another-service' }],
    ['from another provider', { iss: 'https://evil.example' }],
    ['with a nonce, as an id_token has', { nonce: 'n' }],
    ['without its event', { events: undefined }],
    ['that has expired', { exp: 1_600_000_000 }],
  ])('[OIDC Back-Channel Logout §2.6] not by a token %s', async (_what, claims) => {
    const person = await somebody();
    expect(await logout({ sub: person.sub, ...claims })).toMatchObject({
      status: 400,
      body: { error: 'invalid_request' },
    });
    expect(await isSignedIn(person)).toBe(true);
  });

  test('[OIDC Back-Channel Logout §2.6] not by one that another key has signed', async () => {
    const person = await somebody();
    const { privateKey } = await generateKeyPair('ES256');
    expect((await logout({ sub: person.sub }, undefined, privateKey)).status).toBe(400);
    expect((await logout({ sub: person.sub }, { typ: 'logout+jwt', kid: 'unknown' }, privateKey)).status).toBe(400);
    expect(await isSignedIn(person)).toBe(true);
  });

  test.each([[''], ['x'], ['a.b.c']])('not by what is no token: %s', async (logoutToken) => {
    const body = new URLSearchParams({ logout_token: logoutToken });
    const response = await server.service.call('/oauth/back-channel-logout', { method: 'POST', body });
    expect(response.status).toBe(400);
  });
});

test('a right that ends ends what a clinician agreed to about no one patient', async () => {
  server.issuer.signInAs({ sub: 'doctor-in-service', fhirUser: 'Practitioner/d2' });
  const app = await server.approved();
  const { body } = await server.granted(app, { scope: 'user/Patient.rs offline_access' }, [['duration', 'offline']]);
  const person = server.upstream.resources.get('Practitioner/d2') ?? {};
  server.upstream.resources.set('Practitioner/d2', { ...person, active: false });
  try {
    expect((await server.refresh(app, body.refresh_token)).body.error).toBe('invalid_grant');
    expect((await endOf(String((await server.claimsOf(body.access_token))['gatehouse_grant']))).data).toMatchObject({
      cause: 'right-ended',
    });
  } finally {
    server.upstream.resources.set('Practitioner/d2', person);
  }
});

describe('an operator has somebody erased', () => {
  async function erase(userId: string, role = 'operator', body: unknown = { reason: 'requested' }) {
    const headers = await server.issuer.bearer('olga', role);
    const response = await server.service.call(`/oauth/users/${userId}/erasure`, { json: body, headers });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }
  let scanner: LogScanner;
  let vault: PostgresVault;
  /** The vault's erasures as another instance carries them out. */
  let elsewhere: VaultErasures;
  let client: Client;
  beforeAll(async () => {
    scanner = new LogScanner(server.settings);
    client = new Client({ connectionString: server.own.databaseUrl });
    await client.connect();
    const query: VaultStore['query'] = async <Row extends object>(sql: string, parameters: readonly unknown[]) =>
      (await client.query<Row>(sql, [...parameters])).rows;
    const keys = new LocalWrappingKeys(Buffer.alloc(32, 7));
    vault = new PostgresVault({ query }, keys);
    elsewhere = new VaultErasures({ query }, new SystemKeys({ query }, keys));
  });
  afterAll(async () => {
    await Promise.all([scanner.close(), client.end()]);
  });
  const erasures = async () =>
    (await scanner.read({ topic: erasuresTopic.name, partition: 0, from: 0n, limit: 1_000 })).map(({ value }) =>
      decodeErasure(value),
    );

  test('what they have ends, the log says so for ever without a word about them, and the vault knows nothing', async () => {
    const person = await somebody();
    const sealed = await vault.seal(person.userId, { email: 'ada@example.org' });
    const { status, body } = await erase(person.userId);
    expect([status, body]).toEqual([
      200,
      {
        userId: person.userId,
        erasedAt: expect.any(String),
        sessions: 1,
        grants: 1,
        enforcedAt: expect.any(String),
        receipts: [expect.objectContaining({ applicationId: person.app.id, outstanding: [] })],
      },
    ]);
    const found = (await erasures()).filter(({ meta }) => meta.subject === person.userId);
    expect(found).toEqual([
      {
        type: 'subject-erased',
        data: { reason: 'requested' },
        meta: expect.objectContaining({ time: body['erasedAt'], actor: expect.stringMatching(/^[0-9a-f-]{36}$/) }),
      },
    ]);
    expect((await server.refresh(person.app, person.refreshToken)).body.error).toBe('invalid_grant');
    expect(await vault.lookupSubject(person.userId)).toBeUndefined();
    expect(await vault.open(sealed)).toBeUndefined();
    await expect(vault.seal(person.userId, 'late')).rejects.toThrow(OwnerErased);
  });

  test('asked again, nothing is written and the first time is told; who comes back is somebody else', async () => {
    const person = await somebody();
    const first = await erase(person.userId);
    const before = (await erasures()).length;
    expect(await erase(person.userId)).toMatchObject({ status: 200, body: { erasedAt: first.body['erasedAt'] } });
    expect(await erasures()).toHaveLength(before);
    server.issuer.signInAs({ sub: person.sub, fhirUser: 'Patient/p1' });
    const again = await server.granted(person.app, { scope: lasting }, [['duration', 'offline']]);
    expect((await server.claimsOf(again.body.access_token)).sub).not.toBe(person.userId);
  });

  test('at another instance, of which this one has not heard: who signs in is somebody else, and nothing stands for who they were', async () => {
    const person = await somebody();
    await elsewhere.apply([{ id: person.userId, at: new Date().toISOString() }]);
    await server.sql(`DELETE FROM protocol.sessions WHERE user_id = '${person.userId}'`);
    server.issuer.signInAs({ sub: person.sub, fhirUser: 'Patient/p1' });
    const again = await server.granted(person.app, { scope: lasting }, [['duration', 'offline']]);
    expect((await server.claimsOf(again.body.access_token)).sub).not.toBe(person.userId);
    expect(await server.sql(`SELECT 1 FROM protocol.sessions WHERE user_id = '${person.userId}'`)).toEqual([]);
    const grants = `SELECT grant_id FROM protocol.grants WHERE user_id = '${person.userId}'`;
    expect(await server.sql(grants)).toEqual([{ grant_id: person.grant }]);
  });

  test('but not by anybody else, not who is nobody here, and not for a reason in words of their own', async () => {
    const { userId } = await somebody();
    const before = (await erasures()).length;
    for (const role of ['developer', 'reviewer', 'auditor', 'launcher'])
      expect((await erase(userId, role)).status).toBe(403);
    expect((await erase(crypto.randomUUID())).status).toBe(404);
    for (const body of [{}, { reason: 'Ada Lovelace asked for it' }, { reason: 'requested', who: 'Ada' }])
      expect((await erase(userId, 'operator', body)).status).toBe(400);
    expect(await erasures()).toHaveLength(before);
    expect(await vault.lookupSubject(userId)).toBeDefined();
  });
});
