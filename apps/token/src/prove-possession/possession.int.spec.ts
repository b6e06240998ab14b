import {
  startTestService,
  testAuthorization,
  testBrowser,
  testProver,
  type TestApp,
  type TestAuthorization,
  type TestProver,
  type TestService,
} from '#testing';
import { tokenPart } from '../token.part.js';

let server: TestAuthorization;
let second: TestService;
let prover: TestProver;

beforeAll(async () => {
  server = await testAuthorization(tokenPart);
  second = await startTestService(tokenPart, {
    databaseUrl: server.own.databaseUrl,
    issuer: server.issuer,
    environment: {
      KAFKA_BROKERS: server.own.brokers,
      KAFKA_TOPIC_PREFIX: server.own.prefix,
      FHIR_UPSTREAM_URL: server.upstream.url,
      PUBLIC_URL: server.service.url,
      TOKEN_DPOP_NONCE_REQUIRED: '1',
    },
  });
}, 90_000);
afterAll(async () => {
  await second.close();
  await server.close();
}, 60_000);
beforeEach(async () => {
  server.signInAs();
  prover = await testProver();
});

const scope = 'launch/patient patient/Patient.rs offline_access';
const tokenUrl = () => `${server.service.url}/oauth/token`;
const proof = (by = prover, claims: Record<string, unknown> = {}) => by.proof('POST', tokenUrl(), { claims });

/** Leads a user through consent. Gives what the token request needs. */
async function codeFor(app: TestApp, params: Record<string, string> = {}) {
  const { url, verifier } = server.request(app, { scope, ...params });
  const answer = await server.agree(testBrowser(), url, [['duration', 'offline']]);
  return {
    grant_type: 'authorization_code',
    client_id: app.client.clientId,
    redirect_uri: server.back,
    code: answer.searchParams.get('code') ?? '',
    code_verifier: verifier,
  };
}

const refreshOf = (app: TestApp, refreshToken: string | undefined) => ({
  grant_type: 'refresh_token',
  client_id: app.client.clientId,
  refresh_token: refreshToken ?? '',
});

async function introspected(token: string) {
  const headers = await server.issuer.bearer('a-gateway', 'enforcement-point');
  const body = new URLSearchParams({ token });
  const response = await server.service.call('/oauth/introspect', { method: 'POST', body, headers });
  return (await response.json()) as Record<string, unknown>;
}

describe('tokens bound to a key (RFC 9449)', () => {
  test('[RFC 9449 §5] a code brings a token of the shown key, and introspection says so', async () => {
    const app = await server.approved();
    const answer = await server.token(await codeFor(app), { dpop: await proof() });
    expect(answer).toMatchObject({ status: 200, body: { token_type: 'DPoP', expires_in: 3600 } });
    expect(answer.headers.get('dpop-nonce')).toMatch(/^[\w-]{22}$/);
    const bound = { cnf: { jkt: prover.thumbprint } };
    expect(await server.claimsOf(answer.body.access_token)).toMatchObject(bound);
    expect(await introspected(answer.body.access_token)).toMatchObject({ active: true, token_type: 'DPoP', ...bound });
  });

  test('without a proof tokens are borne as before', async () => {
    const app = await server.approved();
    const answer = await server.token(await codeFor(app));
    expect(answer).toMatchObject({ status: 200, body: { token_type: 'Bearer' } });
    expect(answer.headers.get('dpop-nonce')).toBeNull();
    expect(await server.claimsOf(answer.body.access_token)).not.toHaveProperty('cnf');
    expect(await introspected(answer.body.access_token)).toMatchObject({ token_type: 'Bearer' });
  });

  test('[RFC 9449 §5] a backend service binds its token', async () => {
    const app = await server.approved('confidential-asymmetric', ['system/Patient.rs']);
    const form = app.client.form(await app.client.assertion(tokenUrl()), { scope: 'system/Patient.rs' });
    const { status, body } = await server.token(Object.fromEntries(form), { dpop: await proof() });
    expect([status, body['token_type']]).toEqual([200, 'DPoP']);
    expect(await server.claimsOf(body.access_token)).toMatchObject({
      cnf: { jkt: prover.thumbprint },
      gatehouse_key: app.client.key.thumbprint,
    });
  });

  const bad: [string, () => Promise<string>][] = [
    ['for another URL', () => proof(prover, { htu: `${server.service.url}/oauth/revoke` })],
    ['for another method', () => proof(prover, { htm: 'GET' })],
    ['that is old', () => proof(prover, { iat: Math.floor(Date.now() / 1000) - 120 })],
    ['from times to come', () => proof(prover, { iat: Math.floor(Date.now() / 1000) + 120 })],
    [
      'that another key signed',
      async () => prover.proof('POST', tokenUrl(), { header: { jwk: (await testProver()).jwk } }),
    ],
    ['that is none', async () => 'a.b.c'],
    ['that is empty', async () => ''],
  ];
  test.each(bad)('[RFC 9449 §5] no token by a proof %s, and the code stands', async (_what, made) => {
    const app = await server.approved();
    const form = await codeFor(app);
    expect(await server.token(form, { dpop: await made() })).toMatchObject({
      status: 400,
      body: { error: 'invalid_dpop_proof' },
    });
    expect((await server.token(form, { dpop: await proof() })).status).toBe(200);
  });

  test('[RFC 9449 §11.1] a proof counts once, whichever instance it goes to', async () => {
    const app = await server.approved('confidential-asymmetric', ['system/Patient.rs']);
    const nonce = await nonceOf();
    const dpop = await proof(prover, { nonce });
    const answers = await Promise.all(
      [server.service, second, server.service, second].map(async (service) => {
        const form = app.client.form(await app.client.assertion(tokenUrl()), { scope: 'system/Patient.rs' });
        return server.token(Object.fromEntries(form), { dpop }, service);
      }),
    );
    const of = (wanted: number) => answers.filter(({ status }) => status === wanted);
    expect(of(200)).toHaveLength(1);
    expect(of(200).length + of(400).length + of(401).length).toBe(4);
    const again = app.client.form(await app.client.assertion(tokenUrl()), { scope: 'system/Patient.rs' });
    expect(await server.token(Object.fromEntries(again), { dpop })).toMatchObject({
      status: 400,
      body: { error: 'invalid_dpop_proof' },
    });
  });

  test('proofs that are too old anyway are not kept', async () => {
    const app = await server.approved();
    await server.token(await codeFor(app), { dpop: await proof() });
    const [kept] = (await server.sql(
      `SELECT max(expires_at) < now() + interval '2 minutes' AS short FROM protocol.spent_proofs`,
    )) as readonly object[];
    expect(kept).toEqual({ short: true });
  });

  /** The nonce of this moment, as an instance gives it with a refusal. */
  async function nonceOf(): Promise<string> {
    const app = await server.approved();
    const { headers } = await server.token(refreshOf(app, 'none'), { dpop: await proof() });
    return headers.get('dpop-nonce') ?? '';
  }

  test('[RFC 9449 §8] an instance that asks for nonces gives one, and takes that of any other', async () => {
    const app = await server.approved();
    const form = await codeFor(app);
    const without = await server.token(form, { dpop: await proof() }, second);
    expect([without.status, without.body.error]).toEqual([400, 'use_dpop_nonce']);
    const nonce = without.headers.get('dpop-nonce');
    expect(nonce).toBe(await nonceOf());
    expect((await server.token(form, { dpop: await proof(prover, { nonce }) }, second)).status).toBe(200);
  });

  test('[RFC 9449 §8] a nonce that is not of ours does not count anywhere', async () => {
    const app = await server.approved();
    const answer = await server.token(await codeFor(app), { dpop: await proof(prover, { nonce: 'n'.repeat(22) }) });
    expect([answer.status, answer.body.error]).toEqual([400, 'use_dpop_nonce']);
  });

  test('[RFC 9449 §8.2] pages of the application may read the nonce', async () => {
    const app = await server.approved();
    const origin = 'https://app.example';
    const { headers } = await server.token(await codeFor(app), { dpop: await proof(), origin });
    expect(headers.get('access-control-allow-origin')).toBe(origin);
    expect(headers.get('access-control-expose-headers')).toMatch(/dpop-nonce/i);
    const preflight = await server.service.call('/oauth/token', {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'dpop' },
    });
    expect(preflight.headers.get('access-control-allow-headers')).toMatch(/dpop/i);
  });
});

describe('a client whose tokens are all bound to a key', () => {
  const bound = { dpopBoundAccessTokens: true } as const;
  const refused = { status: 400, body: { error: 'invalid_dpop_proof' } };

  test('[RFC 9449 §5.2] gets none for a code without a proof, and the code stands', async () => {
    const app = await server.approved('public', undefined, bound);
    const form = await codeFor(app);
    expect(await server.token(form)).toMatchObject(refused);
    const { status, body } = await server.token(form, { dpop: await proof() });
    expect([status, body['token_type']]).toEqual([200, 'DPoP']);
    expect(await server.claimsOf(body.access_token)).toMatchObject({ cnf: { jkt: prover.thumbprint } });
  });

  test('[RFC 9449 §5.2] gets none for a refresh token, whoever else has shown who it is', async () => {
    const app = await server.approved('confidential-symmetric', undefined, bound);
    const known = { client_secret: server.secret };
    const { body } = await server.token({ ...(await codeFor(app)), ...known }, { dpop: await proof() });
    const form = { ...refreshOf(app, body.refresh_token), ...known };
    expect(await server.token(form)).toMatchObject(refused);
    expect(await server.token(form, { dpop: await proof() })).toMatchObject({
      status: 200,
      body: { token_type: 'DPoP' },
    });
  });

  test('[RFC 9449 §5.2] gets none for itself', async () => {
    const app = await server.approved('confidential-asymmetric', ['system/Patient.rs'], bound);
    const form = async () =>
      Object.fromEntries(app.client.form(await app.client.assertion(tokenUrl()), { scope: 'system/Patient.rs' }));
    expect(await server.token(await form())).toMatchObject(refused);
    expect(await server.token(await form(), { dpop: await proof() })).toMatchObject({ status: 200 });
  });

  test('[RFC 9449 §5.2] gets none by a refresh token from before it was so', async () => {
    const app = await server.approved();
    const { body } = await server.token(await codeFor(app));
    const change = { reviewed: bound, other: {}, removed: [], pending: false };
    await server.happened(app, { type: 'application-changed', data: change });
    let form = refreshOf(app, body.refresh_token);
    let answer = await server.token(form);
    for (const giveUp = Date.now() + 30_000; answer.status === 200 && Date.now() < giveUp;) {
      form = refreshOf(app, answer.body.refresh_token);
      answer = await server.token(form);
    }
    expect(answer).toMatchObject(refused);
    expect(await server.token(form, { dpop: await proof() })).toMatchObject({ body: { token_type: 'DPoP' } });
  });
});

describe('a code bound to a key', () => {
  test('[RFC 9449 §10] is redeemed with that key and no other', async () => {
    const app = await server.approved();
    const form = await codeFor(app, { dpop_jkt: prover.thumbprint });
    for (const dpop of [undefined, await proof(await testProver())])
      expect((await server.token(form, dpop === undefined ? {} : { dpop })).body.error).toBe('invalid_grant');
    expect((await server.token(form, { dpop: await proof() })).status).toBe(200);
  });
});

describe('a refresh token', () => {
  test('[RFC 9449 §5] of a public client is of use to who holds the key alone', async () => {
    const app = await server.approved();
    const { body } = await server.token(await codeFor(app), { dpop: await proof() });
    const form = refreshOf(app, body.refresh_token);
    for (const dpop of [undefined, await proof(await testProver())])
      expect((await server.token(form, dpop === undefined ? {} : { dpop })).body.error).toBe('invalid_grant');
    const next = await server.token(form, { dpop: await proof() });
    expect(next).toMatchObject({ status: 200, body: { token_type: 'DPoP' } });
    expect(await server.claimsOf(next.body.access_token)).toMatchObject({ cnf: { jkt: prover.thumbprint } });
    expect((await server.token(refreshOf(app, next.body.refresh_token))).body.error).toBe('invalid_grant');
  });

  test('[RFC 9449 §5] of a client with a secret goes on with another key', async () => {
    const app = await server.approved('confidential-symmetric');
    const known = { client_secret: server.secret };
    const { body } = await server.token({ ...(await codeFor(app)), ...known }, { dpop: await proof() });
    const other = await testProver();
    const next = await server.token({ ...refreshOf(app, body.refresh_token), ...known }, { dpop: await proof(other) });
    expect(next.status).toBe(200);
    expect(await server.claimsOf(next.body.access_token)).toMatchObject({ cnf: { jkt: other.thumbprint } });
  });

  test('a retry brings the same successor to the same key, and to another the end of the family', async () => {
    const app = await server.approved('confidential-symmetric');
    const known = { client_secret: server.secret };
    const { body } = await server.token({ ...(await codeFor(app)), ...known }, { dpop: await proof() });
    const form = { ...refreshOf(app, body.refresh_token), ...known };
    const first = await server.token(form, { dpop: await proof() });
    expect((await server.token(form, { dpop: await proof() })).body.refresh_token).toBe(first.body.refresh_token);
    expect((await server.token(form, { dpop: await proof(await testProver()) })).body.error).toBe('invalid_grant');
    const ended = await server.gathered(
      server.events,
      ({ type, meta }) => type === 'grant-revoked' && meta.subject === app.id,
    );
    expect(ended.data).toMatchObject({ cause: 'refresh-token-reused' });
  });

  test('[RFC 9449 §5] that was borne is bound by the first proof that comes with it', async () => {
    const app = await server.approved();
    const { body } = await server.token(await codeFor(app));
    const bound = await server.token(refreshOf(app, body.refresh_token), { dpop: await proof() });
    expect(bound.body['token_type']).toBe('DPoP');
    expect((await server.token(refreshOf(app, bound.body.refresh_token))).body.error).toBe('invalid_grant');
  });
});
