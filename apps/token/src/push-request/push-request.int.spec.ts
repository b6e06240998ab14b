import { testAuthorization, testBrowser, testProver, type TestApp, type TestAuthorization } from '#testing';
import { tokenPart } from '../token.part.js';

let server: TestAuthorization;

beforeAll(async () => {
  server = await testAuthorization(tokenPart);
}, 60_000);
afterAll(() => server.close(), 60_000);
beforeEach(() => server.signInAs());

type Fields = Readonly<Record<string, string | undefined>>;

/** Pushes a request as its client; `undefined` takes away. */
async function push(app: TestApp, fields: Fields = {}, headers: Record<string, string> = {}) {
  const { url, verifier } = server.request(app);
  const form = new URL(url).searchParams;
  for (const [name, value] of Object.entries(fields))
    if (value === undefined) form.delete(name);
    else form.set(name, value);
  const response = await server.service.call('/oauth/par', { method: 'POST', body: form, headers });
  const body = (await response.json()) as { request_uri: string; expires_in: number; error?: string };
  return { status: response.status, headers: response.headers, body, verifier };
}

/** Where a browser is sent with a pushed request. */
function leading(app: TestApp, requestUri: string, more: Record<string, string> = {}): string {
  const query = new URLSearchParams({ client_id: app.client.clientId, request_uri: requestUri, ...more });
  return `${server.service.url}/oauth/authorize?${query.toString()}`;
}

describe('a pushed authorization request (RFC 9126)', () => {
  test('[RFC 9126 §2.2] is answered with a request_uri for a minute, and leads to a code', async () => {
    const app = await server.approved();
    const { status, headers, body, verifier } = await push(app);
    expect([status, headers.get('cache-control'), body.expires_in]).toEqual([201, 'no-store', 60]);
    expect(body.request_uri).toMatch(/^urn:ietf:params:oauth:request_uri:[\w-]{20,}$/);
    const answer = await server.agree(testBrowser(), leading(app, body.request_uri));
    expect([answer.searchParams.get('state'), answer.searchParams.get('iss')]).toEqual([
      'the state',
      server.service.url,
    ]);
    const redeemed = await server.redeem(app, answer.searchParams.get('code'), verifier);
    expect(redeemed).toMatchObject({
      status: 200,
      body: { scope: 'launch/patient patient/Patient.rs', patient: 'p1' },
    });
  });

  test('[RFC 9126 §4] leads one user there once', async () => {
    const app = await server.approved();
    const { body } = await push(app);
    const pages = await Promise.all(
      [1, 2, 3].map(async () => server.toPage(testBrowser(), leading(app, body.request_uri))),
    );
    expect(pages.filter(({ csrf }) => csrf !== '')).toHaveLength(1);
    const { page } = await server.toPage(testBrowser(), leading(app, body.request_uri));
    expect(page).toContain('invalid_request_uri');
  });

  test('[RFC 9126 §4] is over after its minute', async () => {
    const app = await server.approved();
    const { body } = await push(app);
    await server.sql(`UPDATE protocol.provider_records SET expires_at = now() - interval '1 second'
      WHERE model = 'PushedAuthorizationRequest'`);
    expect((await server.toPage(testBrowser(), leading(app, body.request_uri))).page).toContain('invalid_request_uri');
  });

  test('[RFC 9126 §7.3] is of use to its own client alone', async () => {
    const [app, other] = [await server.approved(), await server.approved()];
    const { body } = await push(app);
    const { page, csrf } = await server.toPage(testBrowser(), leading(other, body.request_uri));
    expect([csrf, page?.includes('client_id')]).toEqual(['', true]);
  });

  test('[RFC 9126 §4] what stands beside it in the URL does not count', async () => {
    const app = await server.approved();
    const { body } = await push(app, { scope: 'launch/patient patient/Patient.rs' });
    const more = { scope: 'patient/*.rs', redirect_uri: 'https://evil.example/back', state: 'another' };
    const { page, url } = await server.toPage(testBrowser(), leading(app, body.request_uri, more));
    expect(page ?? url).not.toMatch(/evil\.example|patient\/\*/);
  });

  test('[RFC 9126 §2.1] needs the client to show who it is', async () => {
    const symmetric = await server.approved('confidential-symmetric');
    expect((await push(symmetric)).body.error).toBe('invalid_client');
    expect((await push(symmetric, { client_secret: 'wrong'.repeat(10) })).body.error).toBe('invalid_client');
    expect((await push(symmetric, { client_secret: server.secret })).status).toBe(201);
    const asymmetric = await server.approved('confidential-asymmetric');
    const signed = async (audience: string) => ({
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: await asymmetric.client.assertion(audience),
    });
    expect((await push(asymmetric)).body.error).toBe('invalid_client');
    const assertion = await signed(`${server.service.url}/oauth/token`);
    expect((await push(asymmetric, assertion)).status).toBe(201);
    expect((await push(asymmetric, assertion)).body.error).toBe('invalid_client');
    expect((await push(asymmetric, await signed(server.service.url))).status).toBe(201);
  });

  test.each<[string, Fields]>([
    ['another server as aud', { aud: 'https://elsewhere.example/fhir' }],
    ['no aud', { aud: undefined }],
    ['a redirect URI that is not registered', { redirect_uri: 'https://evil.example/back' }],
    ['no challenge', { code_challenge: undefined }],
    ['a plain challenge', { code_challenge_method: 'plain' }],
    ['another response type', { response_type: 'token' }],
    ['a request_uri in it', { request_uri: 'urn:ietf:params:oauth:request_uri:x' }],
    ['a request object in it', { request: 'a.b.c' }],
    ['a null in it', { state: 'a\u0000b' }],
  ])('[RFC 9126 §2.3] with %s is refused when it is pushed', async (_what, fields) => {
    const { status, body } = await push(await server.approved(), fields);
    expect([status, body.error]).toEqual([400, expect.stringMatching(/^(invalid_|un|request_)/)]);
  });

  test('[RFC 9126 §4] a request_uri that nobody was given leads nowhere', async () => {
    const app = await server.approved();
    for (const uri of ['urn:ietf:params:oauth:request_uri:nothing', 'https://evil.example/request.jwt', 'x']) {
      const { page, url } = await server.toPage(testBrowser(), leading(app, uri));
      expect(page ?? url).toMatch(/invalid_request_uri|request_uri_not_supported/);
    }
  });

  test('neither the launch nor the request_uri stands in the database', async () => {
    const app = await server.approved();
    const { body } = await push(app, { launch: 'a-launch-of-an-ehr' });
    const kept = JSON.stringify(await server.sql('SELECT * FROM protocol.provider_records'));
    const decoded = [...kept.matchAll(/eyJ[\w-]*\.([\w-]+)\./g)].map(([, part = '']) =>
      Buffer.from(part, 'base64url').toString(),
    );
    expect([kept, ...decoded].join()).not.toContain('a-launch-of-an-ehr');
    expect(kept).not.toContain(body.request_uri.split(':').at(-1));
  });
});

describe('a client that pushes its requests, or makes none', () => {
  const pushing = () => server.approved('public', undefined, { requirePushedAuthorizationRequests: true });

  test('[RFC 9126 §6] is led to consent by a pushed request', async () => {
    const app = await pushing();
    const { body, verifier } = await push(app);
    const answer = await server.agree(testBrowser(), leading(app, body.request_uri));
    expect((await server.redeem(app, answer.searchParams.get('code'), verifier)).status).toBe(200);
  });

  test('[RFC 9126 §6] is asked for nothing by a request in the URL or in a form', async () => {
    const app = await pushing();
    const { url } = server.request(app);
    const [path = '', query = ''] = url.split('?');
    const byForm = { method: 'POST', body: new URLSearchParams(query) };
    for (const response of [await testBrowser().go(url), await testBrowser().go(path, byForm)]) {
      const at = new URL(response.headers.get('location') ?? '');
      expect([response.status, at.origin + at.pathname]).toEqual([303, server.back]);
      expect([at.searchParams.get('error'), at.searchParams.get('code')]).toEqual(['invalid_request', null]);
    }
  });

  test.each<[string, (app: TestApp) => Promise<string>]>([
    ['that nobody was given', async () => 'urn:ietf:params:oauth:request_uri:nothing'],
    ['that is a URL', async () => 'https://evil.example/request.jwt'],
    ['that is empty', async () => ''],
    ['that another client pushed', async () => (await push(await server.approved())).body.request_uri],
    [
      'that led somebody to consent before',
      async (app) => {
        const { body } = await push(app);
        await server.toPage(testBrowser(), leading(app, body.request_uri));
        return body.request_uri;
      },
    ],
  ])('[RFC 9126 §6] nor by the rest of the request beside a request_uri %s', async (_what, made) => {
    const app = await pushing();
    const { url } = server.request(app);
    const reached = await server.toPage(testBrowser(), `${url}&request_uri=${encodeURIComponent(await made(app))}`);
    expect([reached.csrf, new URL(reached.url).searchParams.get('code')]).toEqual(['', null]);
  });

  test('[RFC 9700 §4.1.3] and nobody is sent to a URI that is not registered', async () => {
    const { url } = server.request(await pushing(), { redirect_uri: 'https://evil.example/back' });
    const response = await testBrowser().go(url);
    expect([response.status, response.headers.get('location')]).toEqual([400, null]);
  });
});

describe('a request that is pushed with a proof of a key', () => {
  const parUrl = () => `${server.service.url}/oauth/par`;

  test('[RFC 9449 §10.1] has its code bound to that key', async () => {
    const [app, prover] = [await server.approved(), await testProver()];
    const { body, verifier, headers } = await push(app, {}, { dpop: await prover.proof('POST', parUrl()) });
    expect(headers.get('dpop-nonce')).toMatch(/./);
    const code = (await server.agree(testBrowser(), leading(app, body.request_uri))).searchParams.get('code');
    expect((await server.redeem(app, code, verifier)).body.error).toBe('invalid_grant');
    const form = {
      grant_type: 'authorization_code',
      client_id: app.client.clientId,
      redirect_uri: server.back,
      code: code ?? '',
      code_verifier: verifier,
    };
    const dpop = await prover.proof('POST', `${server.service.url}/oauth/token`);
    expect(await server.token(form, { dpop })).toMatchObject({ status: 200, body: { token_type: 'DPoP' } });
  });

  test('[RFC 9449 §10.1] is refused when the proof does not count, counts twice, or names another key', async () => {
    const [app, prover] = [await server.approved(), await testProver()];
    const forToken = await prover.proof('POST', `${server.service.url}/oauth/token`);
    expect((await push(app, {}, { dpop: forToken })).body.error).toBe('invalid_dpop_proof');
    const dpop = await prover.proof('POST', parUrl());
    expect((await push(app, {}, { dpop })).status).toBe(201);
    expect((await push(app, {}, { dpop })).body.error).toBe('invalid_dpop_proof');
    const other = { dpop_jkt: (await testProver()).thumbprint };
    expect((await push(app, other, { dpop: await prover.proof('POST', parUrl()) })).body.error).toBe(
      'invalid_dpop_proof',
    );
  });
});
