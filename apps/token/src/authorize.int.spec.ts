import { csrfIn, offeredIn, testAuthorization, testBrowser, type TestAuthorization } from '#testing';
import { createRemoteJWKSet, generateKeyPair, jwtVerify } from 'jose';
import { tokenPart } from './token.part.js';

let server: TestAuthorization;

beforeAll(async () => {
  server = await testAuthorization(tokenPart, {
    TOKEN_STYLE_URL: 'https://style.example/1.json',
    TOKEN_BRAND_NAME: 'Riverside Health',
  });
}, 60_000);
afterAll(() => server.close(), 60_000);
beforeEach(() => server.signInAs());

/** Where a request leads that cannot go on: to the application, or to a page of ours. */
async function refusal(url: string) {
  const response = await testBrowser().go(url);
  const location = response.headers.get('location');
  return {
    status: response.status,
    location,
    error: location === null ? undefined : new URL(location.replace('#', '?')).searchParams.get('error'),
    page: await response.text(),
  };
}

/** What is posted by who agrees to these scopes. */
function allowing(csrf: string, ...scopes: readonly string[]): URLSearchParams {
  return new URLSearchParams([
    ['csrf', csrf],
    ['decision', 'allow'],
    ...scopes.map((it): [string, string] => ['scope', it]),
  ]);
}

describe('a standalone launch', () => {
  test('[SMART 2.2 §2.0.9] ends with a token for the patient, and its facts are in the log', async () => {
    const app = await server.approved();
    const { url, verifier } = server.request(app, { scope: 'launch/patient openid fhirUser patient/Patient.read' });
    const answer = await server.agree(testBrowser(), url);
    expect(Object.fromEntries(answer.searchParams)).toEqual({
      code: expect.any(String),
      state: 'the state',
      iss: server.service.url,
    });
    const response = await server.redeem(app, answer.searchParams.get('code'), verifier);
    expect([response.status, response.headers.get('cache-control'), response.headers.get('pragma')]).toEqual([
      200,
      'no-store',
      'no-cache',
    ]);
    const { body } = response;
    expect(body).toEqual({
      access_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: 3600,
      scope: 'launch/patient openid fhirUser patient/Patient.read',
      patient: 'p1',
      need_patient_banner: true,
      smart_style_url: 'https://style.example/1.json',
      id_token: expect.any(String),
    });
    const claims = await server.claimsOf(body.access_token);
    expect(claims).toMatchObject({
      aud: server.fhirBase,
      client_id: app.client.clientId,
      gatehouse_application: app.id,
      gatehouse_approval_version: 1,
      gatehouse_epoch: 0,
      gatehouse_grant: expect.any(String),
      patient: 'p1',
      fhirUser: 'Patient/p1',
    });
    const consented = await server.gathered(
      server.events,
      ({ type, meta }) => type === 'grant-consented' && meta.subject === app.id,
    );
    expect(consented.data).toMatchObject({ grantId: claims['gatehouse_grant'], duration: 'once' });
    expect(JSON.stringify(consented.data)).not.toContain('p1');
    const issued = await server.gathered(
      server.facts,
      ({ type, data }) => type === 'token-issued' && data.tokenId === claims.jti,
    );
    expect(issued.data).toMatchObject({ grantId: claims['gatehouse_grant'], userId: claims.sub });
  });

  test('[SMART 2.2 §5.1] the id_token is RS256 and says who the user is', async () => {
    const app = await server.approved();
    const { body } = await server.granted(app, { scope: 'openid fhirUser launch/patient patient/*.rs', nonce: 'n-1' });
    const keys = createRemoteJWKSet(new URL(`${server.service.url}/oauth/jwks`));
    const { payload, protectedHeader } = await jwtVerify(body.id_token ?? '', keys, {
      issuer: server.service.url,
      audience: app.client.clientId,
    });
    expect(protectedHeader.alg).toBe('RS256');
    expect(payload).toMatchObject({
      nonce: 'n-1',
      fhirUser: `${server.fhirBase}/Patient/p1`,
      sub: (await server.claimsOf(body.access_token)).sub,
      auth_time: expect.any(Number),
    });
  });

  test('[SMART 2.2 §2.0.3] a request by POST is as good', async () => {
    const app = await server.approved();
    const [path = '', query = ''] = server.request(app).url.split('?');
    const response = await testBrowser().go(path, { method: 'POST', body: new URLSearchParams(query) });
    expect([response.status, response.headers.get('location')]).toEqual([
      303,
      expect.stringMatching(/^\/oauth\/interaction\//),
    ]);
  });

  test('[RFC 8252 §7.3] a native application is answered at the port that it has', async () => {
    const app = await server.approved();
    const { url } = server.request(app, { redirect_uri: 'http://127.0.0.1:51004/cb' });
    const browser = testBrowser();
    const { page, url: at, csrf } = await server.toPage(browser, url);
    const fields = offeredIn(page ?? '').map((scope): [string, string] => ['scope', scope]);
    const answer = await browser.post(
      `${at}/consent`,
      [['csrf', csrf], ['decision', 'allow'], ...fields],
      'http://127.0.0.1:51004/',
    );
    expect(new URL(answer.url).searchParams.get('code')).toEqual(expect.any(String));
  });
});

describe('a request that cannot go on', () => {
  test.each([
    ['[SMART 2.2 §2.0.3] aud is missing', { aud: undefined }, 'invalid_request'],
    ['[SMART 2.2 §2.0.3] aud is another server', { aud: 'https://other.example/fhir' }, 'invalid_request'],
    ['[SMART 2.2 §2.0.3] aud begins as ours does', { aud: 'AUD.evil.example' }, 'invalid_request'],
    [
      '[RFC 7636 §4.4.1] there is no challenge',
      { code_challenge: undefined, code_challenge_method: undefined },
      'invalid_request',
    ],
    ['[SMART 2.2 §2.0.3] the challenge is plain', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['[RFC 7636 §4.3] the challenge says not how it was made', { code_challenge_method: undefined }, 'invalid_request'],
    ['[RFC 6749 §3.1.1] a token is asked for', { response_type: 'token' }, 'unsupported_response_type'],
    ['an id_token is asked for', { response_type: 'code id_token', nonce: 'n' }, 'unsupported_response_type'],
    ['a form is asked for as the answer', { response_mode: 'form_post' }, 'unsupported_response_mode'],
    ['the answer is to stand in the fragment', { response_mode: 'fragment' }, 'unsupported_response_mode'],
    ['a request object', { request: 'e30.e30.' }, 'request_not_supported'],
    ['[OIDC Core §3.1.2.1] nobody may be asked', { prompt: 'none' }, 'interaction_required'],
    ['another resource', { resource: 'https://other.example/' }, 'invalid_target'],
  ])('%s', async (_what, params, error) => {
    const app = await server.approved();
    const given =
      'aud' in params && params.aud === 'AUD.evil.example' ? { aud: `${server.fhirBase}.evil.example` } : params;
    const { url } = server.request(app, given);
    const { location, error: told } = await refusal(url);
    expect(told).toBe(error);
    const at = new URL((location ?? '').replace('#', '?'));
    expect([at.origin + at.pathname, at.searchParams.get('state'), at.searchParams.get('code')]).toEqual([
      server.back,
      'the state',
      null,
    ]);
  });

  test.each([
    'https://app.example/back/',
    'https://app.example/back?next=https://evil.example',
    'https://evil.example/back',
    'http://127.0.0.1:1/other',
    'javascript:alert(1)',
    '//app.example/back',
  ])('[RFC 9700 §4.1.3] %s is not registered: nobody is sent there', async (redirectUri) => {
    const app = await server.approved();
    for (const params of [{}, { aud: undefined }, { response_type: 'token' }, { scope: 'patient/Nothing.dus' }]) {
      const { url } = server.request(app, { redirect_uri: redirectUri, ...params });
      const { status, location, page } = await refusal(url);
      expect([status, location]).toEqual([400, null]);
      expect(page).not.toContain('javascript:');
    }
  });

  test('nobody is sent anywhere for a client that is unknown, or closed', async () => {
    const app = await server.approved();
    const unknown = await refusal(server.request({ ...app, client: { ...app.client, clientId: 'nobody' } }).url);
    await server.suspended(app);
    const closed = await refusal(server.request(app).url);
    expect([unknown.status, unknown.location, closed.status, closed.location]).toEqual([400, null, 400, null]);
  });

  test.each([
    ['[SMART 2.2 §3.0.4.1] a scope out of order', 'patient/Patient.sr', 'invalid_scope'],
    ['a scope that is not approved', 'patient/Patient.c', 'invalid_scope'],
    ['[SMART 2.2 §4.1] only system scopes', 'system/Patient.rs', 'invalid_scope'],
  ])('%s', async (_what, scope, error) => {
    const app = await server.approved();
    const { url } = server.request(app, { scope });
    const reached = new URL((await server.toPage(testBrowser(), url)).url);
    expect([reached.searchParams.get('error'), reached.searchParams.get('code')]).toEqual([error, null]);
  });

  test('[RFC 6749 §3.1] a repeated parameter is refused', async () => {
    const app = await server.approved();
    const { url } = server.request(app);
    expect((await refusal(`${url}&aud=${encodeURIComponent('https://evil.example')}`)).error).toBe('invalid_request');
    expect((await refusal(`${url}&redirect_uri=${encodeURIComponent('https://evil.example')}`)).location).toBeNull();
  });
});

describe('consent', () => {
  test('the page lets nothing in from elsewhere, and nobody frame it', async () => {
    const app = await server.approved();
    const browser = testBrowser();
    const { url: at, page } = await server.toPage(browser, server.request(app).url);
    const response = await browser.go(at);
    const policy = response.headers.get('content-security-policy');
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toContain(`form-action 'self' https://app.example`);
    expect(policy).not.toMatch(/unsafe|script-src/);
    expect([response.headers.get('cache-control'), response.headers.get('x-frame-options')]).toEqual([
      'no-store',
      expect.stringMatching(/deny/i),
    ]);
    expect(page).not.toMatch(/<script/i);
    expect(page).toContain('Growth &amp; Chart');
  });

  test('the page says who approved the application and until when, as the approval in force has it', async () => {
    const app = await server.approved();
    const { page } = await server.toPage(testBrowser(), server.request(app).url);
    expect(page).toMatch(/App approved by<\/dt>\s*<dd><strong>Riverside Health<\/strong> until January 1, 2999<\/dd>/);
    await server.narrowed(app, ['launch/patient', 'patient/Patient.rs'], '2998-06-30T12:00:00Z');
    const { url } = server.request(app, { ui_locales: 'es' });
    const seen = async () => (await server.toPage(testBrowser(), url)).page ?? '';
    let later = await seen();
    for (const giveUp = Date.now() + 30_000; later.includes('2999') && Date.now() < giveUp;) later = await seen();
    expect(later).toMatch(
      /aprobada por<\/dt>\s*<dd><strong>Riverside Health<\/strong> hasta el 30 de junio de 2998<\/dd>/,
    );
  });

  test('declined: the application is told, and gets no code', async () => {
    const app = await server.approved();
    const browser = testBrowser();
    const { url: at, csrf } = await server.toPage(browser, server.request(app).url);
    const answer = await browser.post(
      `${at}/consent`,
      [
        ['csrf', csrf],
        ['decision', 'decline'],
      ],
      server.back,
    );
    expect(Object.fromEntries(new URL(answer.url).searchParams)).toEqual({
      error: 'access_denied',
      error_description: expect.any(String),
      state: 'the state',
      iss: server.service.url,
    });
  });

  test('[SMART 2.2 §3.0.2] scopes can be left out, and nothing is added that was not offered', async () => {
    const app = await server.approved();
    const browser = testBrowser();
    const scope = 'launch/patient patient/Patient.rs patient/Observation.rs openid offline_access';
    const { url, verifier } = server.request(app, { scope });
    const { url: at, csrf } = await server.toPage(browser, url);
    const laboratory =
      'patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory';
    const chosen: [string, string][] = ['patient/Patient.rs', laboratory, 'patient/*.cruds', 'user/*.rs'].map((it) => [
      'scope',
      it,
    ]);
    const answer = await browser.post(`${at}/consent`, [['csrf', csrf], ['decision', 'allow'], ...chosen], server.back);
    const { body } = await server.redeem(app, new URL(answer.url).searchParams.get('code'), verifier);
    expect([body.scope, body.refresh_token, body.id_token]).toEqual([
      `launch/patient patient/Patient.rs ${laboratory}`,
      undefined,
      undefined,
    ]);
  });

  test('another user who agrees to the same request gives what is theirs, not what the one before them gave', async () => {
    const app = await server.approved();
    const browser = testBrowser();
    const { url, verifier } = server.request(app);
    const first = await server.toPage(browser, url);
    await browser.go(`${first.url}/consent`, { method: 'POST', body: allowing(first.csrf, 'patient/Patient.rs') });
    await server.sql('DELETE FROM protocol.sessions');
    server.signInAs('bea', 'Patient/p2');
    const { csrf } = await server.toPage(browser, first.url);
    const form = [...allowing(csrf, 'patient/Patient.rs')];
    const answer = await browser.post(`${first.url}/consent`, form, server.back);
    const { body } = await server.redeem(app, new URL(answer.url).searchParams.get('code'), verifier);
    const claims = await server.claimsOf(body.access_token);
    expect([body['patient'], claims['fhirUser']]).toEqual(['p2', 'Patient/p2']);
  });

  test('who goes back and agrees to less has agreed to less', async () => {
    const app = await server.approved();
    const browser = testBrowser();
    const { url, verifier } = server.request(app, {
      scope: 'launch/patient patient/Patient.rs patient/Observation.rs',
    });
    const { url: at, csrf } = await server.toPage(browser, url);
    const whole = allowing(csrf, 'patient/Patient.rs', 'patient/Observation.rs');
    await browser.go(`${at}/consent`, { method: 'POST', body: whole });
    const answer = await browser.post(`${at}/consent`, [...allowing(csrf, 'patient/Patient.rs')], server.back);
    const { body } = await server.redeem(app, new URL(answer.url).searchParams.get('code'), verifier);
    expect(body.scope).toBe('launch/patient patient/Patient.rs');
  });

  test('a form that did not come from the page is refused: [RFC 9700 §4.7]', async () => {
    const app = await server.approved();
    const browser = testBrowser();
    const { url: at, csrf } = await server.toPage(browser, server.request(app).url);
    const allow: [string, string][] = [
      ['decision', 'allow'],
      ['scope', 'patient/Patient.rs'],
    ];
    expect((await browser.post(`${at}/consent`, allow, server.back)).status).toBe(403);
    expect((await browser.post(`${at}/consent`, [['csrf', `${csrf}x`], ...allow], server.back)).status).toBe(403);
    // Another browser knows the address and the token, and has not the cookie.
    expect((await testBrowser().post(`${at}/consent`, [['csrf', csrf], ...allow], server.back)).status).toBe(400);
  });

  test('agreeing twice is one grant', async () => {
    const app = await server.approved();
    const browser = testBrowser();
    const { url: at, page, csrf } = await server.toPage(browser, server.request(app).url);
    const fields: [string, string][] = [
      ['csrf', csrf],
      ['decision', 'allow'],
      ['scope', 'patient/Patient.rs'],
    ];
    const body = new URLSearchParams(fields);
    expect(csrfIn(page)).toBe(csrf);
    const answers = await Promise.all([1, 2].map(() => browser.go(`${at}/consent`, { method: 'POST', body })));
    expect(answers.map(({ status }) => status)).toEqual([303, 303]);
    await server.gathered(server.events, ({ type, meta }) => type === 'grant-consented' && meta.subject === app.id);
    expect(server.events.filter(({ meta }) => meta.subject === app.id)).toHaveLength(1);
  });

  test('without the FHIR server nobody says who may see whom: nothing is allowed', async () => {
    const app = await server.approved();
    server.upstream.fails(500);
    try {
      expect((await server.toPage(testBrowser(), server.request(app).url)).status).toBe(503);
    } finally {
      server.upstream.fails(undefined);
    }
  });
});

describe('sign-in at the provider', () => {
  /** A browser at the provider's answer, not yet followed. */
  async function comingBack() {
    const app = await server.approved();
    const browser = testBrowser();
    const { url } = await browser.follow(server.request(app).url, `${server.service.url}/oauth/sign-in/callback`);
    return { browser, url };
  }

  test('comes back with PKCE, state and nonce', async () => {
    const app = await server.approved();
    const { url } = await testBrowser().follow(server.request(app).url, server.issuer.issuer);
    expect(Object.fromEntries(new URL(url).searchParams)).toMatchObject({
      client_id: 'gatehouse-sign-in',
      code_challenge_method: 'S256',
      state: expect.any(String),
      nonce: expect.any(String),
    });
  });

  test.each([
    ['another nonce', { nonce: 'other' }],
    ['for another client', { aud: 'other' }],
    ['by another issuer', { iss: 'https://other.example' }],
    ['that has expired', { exp: 1 }],
  ])('an id_token %s signs nobody in', async (_what, claims) => {
    const { browser, url } = await comingBack();
    server.issuer.signInAs({ sub: 'ada', fhirUser: 'Patient/p1', ...claims });
    expect((await browser.follow(url, server.back)).status).toBe(502);
  });

  test('in another browser, or a second time, signs nobody in', async () => {
    const { browser, url } = await comingBack();
    expect((await testBrowser().follow(url, server.back)).status).toBe(400);
    expect((await browser.follow(url, server.back)).status).toBe(200);
    expect((await browser.follow(url, server.back)).status).toBe(400);
  });

  test('without a signature that holds signs nobody in', async () => {
    const { browser, url } = await comingBack();
    server.issuer.signInAs({ sub: 'ada', fhirUser: 'Patient/p1' }, await generateKeyPair('ES256'));
    expect((await browser.follow(url, server.back)).status).toBe(502);
  });

  test('after the provider took new keys', async () => {
    await server.issuer.rotate();
    const { browser, url } = await comingBack();
    expect((await browser.follow(url, server.back)).status).toBe(200);
  });

  test('[OIDC Core §3.1.2.1] prompt=login asks again whoever is signed in', async () => {
    const app = await server.approved();
    const browser = testBrowser();
    await browser.follow(server.request(app).url, server.back);
    const again = await browser.follow(server.request(app, { prompt: 'login' }).url, server.issuer.issuer);
    expect(new URL(again.url).searchParams.get('prompt')).toBe('login');
    const plain = await browser.follow(server.request(app).url, server.issuer.issuer);
    expect(plain.status).toBe(200);
  });
});

describe('a code', () => {
  test('[RFC 6749 §4.1.2] is redeemed once; a second time ends what came from it', async () => {
    const app = await server.approved();
    const { code, verifier, body } = await server.granted(
      app,
      { scope: 'launch/patient patient/*.rs offline_access' },
      [['duration', 'offline']],
    );
    expect(await server.redeem(app, code, verifier)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    const ended = await server.gathered(
      server.events,
      ({ type, meta }) => type === 'grant-revoked' && meta.subject === app.id,
    );
    expect(ended.data).toMatchObject({
      cause: 'code-reused',
      grantId: (await server.claimsOf(body.access_token))['gatehouse_grant'],
    });
    expect(await server.refresh(app, body.refresh_token)).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
  });

  test('redeemed by many at once brings one token, and then none', async () => {
    const app = await server.approved();
    const { url, verifier } = server.request(app);
    const code = (await server.agree(testBrowser(), url)).searchParams.get('code');
    const answers = await Promise.all(Array.from({ length: 8 }, () => server.redeem(app, code, verifier)));
    expect(answers.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1);
    expect(answers.filter(({ status }) => status !== 200).map(({ body }) => body.error)).toEqual(
      expect.arrayContaining(['invalid_grant']),
    );
  });

  test.each([
    ['[RFC 7636 §4.6] no verifier', { code_verifier: undefined }],
    ['[RFC 7636 §4.6] an empty verifier', { code_verifier: '' }],
    ['[RFC 7636 §4.6] a wrong verifier', { code_verifier: 'x'.repeat(43) }],
    ['[RFC 6749 §4.1.3] another redirect_uri', { redirect_uri: 'http://127.0.0.1/cb' }],
    ['[RFC 6749 §4.1.3] no redirect_uri', { redirect_uri: undefined }],
    ['no such code', { code: 'x'.repeat(43) }],
    ['a code with a null byte', { code: 'a\u0000b' }],
  ])('%s: invalid_grant, and the code is as good as before', async (_what, fields) => {
    const app = await server.approved();
    const { url, verifier } = server.request(app);
    const code = (await server.agree(testBrowser(), url)).searchParams.get('code');
    expect(await server.redeem(app, code, verifier, fields)).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
    expect((await server.redeem(app, code, verifier)).status).toBe(200);
  });

  test('a verifier that is the challenge is wrong', async () => {
    const app = await server.approved();
    const { url } = server.request(app);
    const code = (await server.agree(testBrowser(), url)).searchParams.get('code');
    const challenge = new URL(url).searchParams.get('code_challenge') ?? '';
    expect((await server.redeem(app, code, challenge)).body.error).toBe('invalid_grant');
  });

  test('of another client is no code', async () => {
    const [app, other] = [await server.approved(), await server.approved()];
    const { url, verifier } = server.request(app);
    const code = (await server.agree(testBrowser(), url)).searchParams.get('code');
    expect((await server.redeem(other, code, verifier)).body.error).toBe('invalid_grant');
    expect((await server.redeem(app, code, verifier)).status).toBe(200);
  });
});

describe('who a client is', () => {
  test('[SMART 2.2 §2.0.8] a symmetric client by its secret, in the header or in the form', async () => {
    const app = await server.approved('confidential-symmetric');
    const redeemWith = async (fields: Record<string, string | undefined>, headers = {}) => {
      const { url, verifier } = server.request(app);
      const code = (await server.agree(testBrowser(), url)).searchParams.get('code') ?? '';
      const form = { grant_type: 'authorization_code', redirect_uri: server.back, code, code_verifier: verifier };
      return server.token({ ...form, ...fields }, headers);
    };
    const { clientId } = app.client;
    const basic = (secret: string) => ({
      authorization: `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}`,
    });
    expect((await redeemWith({}, basic(server.secret))).status).toBe(200);
    expect((await redeemWith({ client_id: clientId, client_secret: server.secret })).status).toBe(200);
    expect(await redeemWith({}, basic('wrong'))).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
    expect((await redeemWith({ client_id: clientId })).body.error).toBe('invalid_client');
    expect((await redeemWith({ client_id: clientId, client_secret: `of ${clientId}` })).body.error).toBe(
      'invalid_client',
    );
  });

  test('[SMART 2.2 §2.0.8] an asymmetric client by its key, which its token remembers', async () => {
    const app = await server.approved('confidential-asymmetric');
    const { url, verifier } = server.request(app);
    const code = (await server.agree(testBrowser(), url)).searchParams.get('code') ?? '';
    const fields = { redirect_uri: server.back, code, code_verifier: verifier, grant_type: 'authorization_code' };
    expect((await server.token({ ...fields, client_id: app.client.clientId })).body.error).toBe('invalid_client');
    const form = app.client.form(await app.client.assertion(`${server.service.url}/oauth/token`), fields);
    const { status, body } = await server.token(Object.fromEntries(form));
    expect(status).toBe(200);
    expect((await server.claimsOf(body.access_token))['gatehouse_key']).toBe(app.client.key.thumbprint);
  });

  test('[RFC 6749 §5.2] a grant type that is not served, and one that is not for this client', async () => {
    const app = await server.approved();
    const client = { client_id: app.client.clientId };
    expect(await server.token({ ...client, grant_type: 'password' })).toMatchObject({
      status: 400,
      body: { error: 'unsupported_grant_type' },
    });
    expect((await server.token({ ...client, grant_type: 'client_credentials' })).status).toBe(400);
    expect((await server.token(client)).body.error).toBe('invalid_request');
  });

  test('CORS: the origins that are registered, and never credentials', async () => {
    const app = await server.approved();
    const ask = (origin: string) =>
      server.service.call('/oauth/token', {
        method: 'POST',
        headers: { origin },
        body: new URLSearchParams({ client_id: app.client.clientId, grant_type: 'refresh_token', refresh_token: 'x' }),
      });
    const own = await ask('https://app.example');
    expect([
      own.headers.get('access-control-allow-origin'),
      own.headers.get('access-control-allow-credentials'),
    ]).toEqual(['https://app.example', null]);
    expect((await ask('https://evil.example')).headers.get('access-control-allow-origin')).toBeNull();
  });
});
