import {
  cuttableProxy,
  freePort,
  LogSeed,
  SeededApplication,
  startTestService,
  testClient,
  testIssuer,
  testProver,
  testUpstream,
  type TestIssuer,
  type TestProver,
  type TestService,
  type TestUpstream,
  followActivity,
  quietLog,
  type FollowedActivity,
} from '#testing';
import { isolate, type Isolation } from '../../../../test/environment/isolation.js';
import { gateway } from '../gateway.part.js';

let own: Isolation;
let issuer: TestIssuer;
let upstream: TestUpstream;
let publicUrl: string;
let first: TestService;
let second: TestService;
let log: LogSeed;
let activity: FollowedActivity;
let application: SeededApplication;
let prover: TestProver;
let environment: Record<string, string>;

beforeAll(async () => {
  const [isolation, port, fhir] = await Promise.all([isolate(), freePort(), testUpstream()]);
  [own, upstream, publicUrl] = [isolation, fhir, `http://127.0.0.1:${port}`];
  issuer = await testIssuer(0, `${publicUrl}/fhir`);
  const settings = quietLog(own);
  environment = {
    KAFKA_BROKERS: own.brokers,
    KAFKA_TOPIC_PREFIX: own.prefix,
    IDENTITY_AUDIENCE: 'gatehouse',
    FHIR_UPSTREAM_URL: upstream.url,
    GATEWAY_JWKS_URL: `${issuer.issuer}/jwks`,
    GATEWAY_PAGE_KEY: Buffer.alloc(32, 3).toString('base64'),
    PUBLIC_URL: publicUrl,
  };
  const started = (more: Record<string, string>, databaseUrl = own.databaseUrl) =>
    startTestService(gateway, { databaseUrl, issuer, environment: { ...environment, ...more } });
  first = await started({ PORT: String(port) });
  second = await started({ GATEWAY_DPOP_NONCE_REQUIRED: '1' });
  log = new LogSeed(settings);
  activity = await followActivity(settings);
  application = new SeededApplication(log, await testClient());
  await application.registered();
  await application.approved(['system/Patient.rs']);
  prover = await testProver();
  const borne = await token({ cnf: undefined });
  for (const service of [first, second])
    for (let status = 0; status !== 200;)
      ({ status } = await service.call('/fhir/Patient/p1', { headers: { authorization: `Bearer ${borne}` } }));
}, 120_000);

afterAll(async () => {
  await activity.close();
  await log.close();
  await Promise.all([first.close(), second.close()]);
  await Promise.all([own.dispose(), issuer.close(), upstream.close()]);
}, 60_000);

/** A token that is bound to the key of `prover`. */
function token(claims: Record<string, unknown> = {}): Promise<string> {
  return issuer.token({
    iss: publicUrl,
    sub: application.client.clientId,
    client_id: application.client.clientId,
    jti: 'token-1',
    scope: 'system/Patient.rs',
    gatehouse_application: application.id,
    gatehouse_approval_version: 1,
    gatehouse_epoch: 0,
    cnf: { jkt: prover.thumbprint },
    ...claims,
  });
}

interface Call {
  readonly path?: string;
  readonly method?: string;
  readonly accessToken?: string;
  readonly scheme?: string;
  /** `null` sends none. */
  readonly proof?: string | null;
  readonly service?: TestService;
}

const proofFor = async (accessToken: string, path = '/fhir/Patient/p1', claims: Record<string, unknown> = {}) =>
  prover.proof('GET', publicUrl + path, { accessToken, claims });

async function call({ path = '/fhir/Patient/p1', method = 'GET', scheme = 'DPoP', ...given }: Call = {}) {
  const accessToken = given.accessToken ?? (await token());
  const proof = given.proof === undefined ? await proofFor(accessToken, path.split('?')[0]) : given.proof;
  return (given.service ?? first).call(path, {
    method,
    headers: { authorization: `${scheme} ${accessToken}`, ...(proof === null ? {} : { dpop: proof }) },
  });
}

function challengeOf(response: Response): [number, string | null] {
  return [response.status, response.headers.get('www-authenticate')];
}

describe('a token that is bound to a key (RFC 9449)', () => {
  test('[RFC 9449 §7.1] is let in with a proof by that key, query or not', async () => {
    for (const path of ['/fhir/Patient/p1', '/fhir/Patient?_id=p1']) {
      const response = await call({ path });
      expect(response.status).toBe(200);
      expect(response.headers.get('dpop-nonce')).toMatch(/^[\w-]{22}$/);
    }
    expect((await call({ scheme: 'dpop' })).status).toBe(200);
  });

  test('[RFC 9449 §7.2] is refused as a bearer token, with a proof and without', async () => {
    for (const proof of [undefined, null])
      expect(challengeOf(await call({ scheme: 'Bearer', ...(proof === null ? { proof } : {}) }))).toEqual([
        401,
        expect.stringMatching(/^DPoP error="invalid_token", algs="ES256 /),
      ]);
  });

  const attacks: [string, string, () => Promise<Call>][] = [
    ['without a proof', 'invalid_dpop_proof', async () => ({ proof: null })],
    [
      'by another key',
      'invalid_token',
      async () => {
        const accessToken = await token();
        const other = await testProver();
        return { accessToken, proof: await other.proof('GET', `${publicUrl}/fhir/Patient/p1`, { accessToken }) };
      },
    ],
    ['for another token', 'invalid_dpop_proof', async () => ({ proof: await proofFor('another.access.token') })],
    [
      'for no token',
      'invalid_dpop_proof',
      async () => ({ proof: await prover.proof('GET', `${publicUrl}/fhir/Patient/p1`) }),
    ],
    ['for another resource', 'invalid_dpop_proof', async () => withClaims({ htu: `${publicUrl}/fhir/Patient/p2` })],
    ['for another host', 'invalid_dpop_proof', async () => withClaims({ htu: 'https://evil.example/fhir/Patient/p1' })],
    ['for another method', 'invalid_dpop_proof', async () => withClaims({ htm: 'DELETE' })],
    ['that is old', 'invalid_dpop_proof', async () => withClaims({ iat: Math.floor(Date.now() / 1000) - 120 })],
    ['from times to come', 'invalid_dpop_proof', async () => withClaims({ iat: Math.floor(Date.now() / 1000) + 120 })],
    ['with a nonce of somebody else', 'use_dpop_nonce', async () => withClaims({ nonce: 'n'.repeat(22) })],
    ['that is none', 'invalid_dpop_proof', async () => ({ proof: 'a.b.c' })],
    [
      'two proofs at once',
      'invalid_dpop_proof',
      async () => {
        const accessToken = await token();
        return { accessToken, proof: `${await proofFor(accessToken)}, ${await proofFor(accessToken)}` };
      },
    ],
  ];
  test.each(attacks)('[RFC 9449 §7.1] is refused %s: %s', async (_what, error, made) => {
    expect(challengeOf(await call(await made()))).toEqual([
      401,
      expect.stringMatching(new RegExp(`^DPoP error="${error}", algs=`)),
    ]);
  });

  async function withClaims(claims: Record<string, unknown>): Promise<Call> {
    const accessToken = await token();
    return { accessToken, proof: await proofFor(accessToken, undefined, claims) };
  }

  test('[RFC 9449 §11.1] a proof counts once, whichever instance it goes to', async () => {
    const accessToken = await token();
    const nonce = (await call()).headers.get('dpop-nonce');
    const proof = await proofFor(accessToken, undefined, { nonce });
    const answers = await Promise.all(
      [first, second, first, second, first].map((service) => call({ accessToken, proof, service })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401, 401, 401]);
  });

  test('[RFC 9449 §9] a gateway that asks for nonces gives one with the refusal', async () => {
    const accessToken = await token();
    const refused = await call({ accessToken, service: second });
    expect(challengeOf(refused)).toEqual([401, expect.stringMatching(/^DPoP error="use_dpop_nonce"/)]);
    const nonce = refused.headers.get('dpop-nonce');
    const proof = await proofFor(accessToken, undefined, { nonce });
    expect((await call({ accessToken, proof, service: second })).status).toBe(200);
  });

  test('[RFC 9449 §7.1] other refusals come in the scheme of the token', async () => {
    expect(challengeOf(await call({ path: '/fhir/Observation/o1' }))).toEqual([
      403,
      expect.stringMatching(/^DPoP error="insufficient_scope".*, algs=/),
    ]);
    expect(challengeOf(await call({ accessToken: await token({ gatehouse_epoch: -1 }) }))).toEqual([
      401,
      expect.stringMatching(/^DPoP error="invalid_token", algs=/),
    ]);
  });

  test('[RFC 9449 §7.1] a token that is bound to no key is not shown with a proof', async () => {
    const accessToken = await token({ cnf: undefined });
    expect(challengeOf(await call({ accessToken }))).toEqual([401, expect.stringContaining('invalid_token')]);
    expect((await call({ accessToken, scheme: 'Bearer', proof: null })).status).toBe(200);
  });

  test.each([
    ['a certificate', { 'x5t#S256': 'a'.repeat(43) }],
    ['a key and a certificate', { jkt: 'a'.repeat(43), 'x5t#S256': 'a'.repeat(43) }],
    ['what is no thumbprint', { jkt: 'x' }],
    ['nothing', {}],
    ['a text', 'x'],
  ])('is refused when it is bound to %s', async (_what, cnf) => {
    const accessToken = await token({ cnf });
    for (const scheme of ['DPoP', 'Bearer']) expect((await call({ accessToken, scheme })).status).toBe(401);
  });

  test('a refused proof is on record', async () => {
    await call({ proof: null });
    const found = () =>
      activity.records.some(
        ({ type, data }) => type === 'access-denied' && data.reason.includes('no proof in a header'),
      );
    while (!found()) await new Promise((resolve) => setImmediate(resolve));
  });
});

test('without the database nobody can say whether a proof was used: 503, and a bearer token goes on', async () => {
  const database = new URL(own.databaseUrl);
  const proxy = await cuttableProxy({ host: database.hostname, port: Number(database.port) });
  database.host = `127.0.0.1:${proxy.port}`;
  const service = await startTestService(gateway, { databaseUrl: database.href, issuer, environment });
  try {
    const borne = { accessToken: await token({ cnf: undefined }), scheme: 'Bearer', proof: null, service };
    for (let status = 0; status !== 200;) ({ status } = await call(borne));
    expect((await call({ service })).status).toBe(200);
    await proxy.cut();
    const away = await call({ service });
    expect([away.status, away.headers.get('retry-after')]).toEqual([503, expect.any(String)]);
    expect((await call(borne)).status).toBe(200);
  } finally {
    await service.close();
    await proxy.close();
  }
}, 60_000);

describe('decisions for other enforcement points', () => {
  const asPoint = () => issuer.token({ sub: 'pep', aud: 'gatehouse', roles: ['enforcement-point'] });

  async function evaluate(properties: Record<string, unknown>, service = first) {
    const response = await service.call('/access/v1/evaluation', {
      headers: { authorization: `Bearer ${await asPoint()}` },
      json: {
        subject: { type: 'access-token', id: 'caller', properties },
        action: { name: 'GET' },
        resource: { type: 'fhir-request', id: '/Patient/p1' },
      },
    });
    return (await response.json()) as { decision: boolean; context: { status: number; nonce?: string } };
  }

  test('AuthZEN: a bound token is let in with its proof, once, and never without', async () => {
    const accessToken = await token();
    const proof = await proofFor(accessToken);
    const denied = { decision: false, context: { status: 401 } };
    expect(await evaluate({ token: accessToken })).toMatchObject(denied);
    expect(await evaluate({ token: accessToken, proof })).toMatchObject({ decision: true });
    expect(await evaluate({ token: accessToken, proof })).toMatchObject(denied);
    const asked = await evaluate({ token: accessToken, proof: await proofFor(accessToken) }, second);
    expect(asked).toMatchObject({ ...denied, context: { nonce: expect.any(String) } });
    const { nonce } = asked.context;
    const withNonce = await proofFor(accessToken, undefined, { nonce });
    expect(await evaluate({ token: accessToken, proof: withNonce }, second)).toMatchObject({ decision: true });
  });

  test.each<[string, boolean, number]>([
    ['DPoP', true, 200],
    ['DPoP', false, 401],
    ['Bearer', true, 401],
    ['Bearer', false, 401],
  ])('auth_request: as %s, with a proof: %s: %i', async (scheme, proved, status) => {
    const accessToken = await token();
    const response = await first.call('/ext-authz', {
      headers: {
        authorization: `Bearer ${await asPoint()}`,
        'x-original-method': 'GET',
        'x-original-uri': '/fhir/Patient/p1',
        'x-original-authorization': `${scheme} ${accessToken}`,
        ...(proved ? { 'x-original-dpop': await proofFor(accessToken) } : {}),
      },
    });
    expect(response.status).toBe(status);
  });
});
