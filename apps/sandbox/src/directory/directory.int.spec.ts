import { mountHandler } from '#host';
import { freePort } from '#testing';
import { fastify, type FastifyInstance } from 'fastify';
import { createLocalJWKSet, createRemoteJWKSet, decodeProtectedHeader, jwtVerify, type JSONWebKeySet } from 'jose';
import * as client from 'openid-client';
import { generateDirectoryKeys, type DirectoryKeys } from './directory-keys.js';
import { directoryHandler } from './directory-handler.js';
import { administration } from './directory-provider.js';

const audience = 'https://gatehouse.local/admin';
const redirectUri = 'http://127.0.0.1:4711/callback';
const insecure = { execute: [client.allowInsecureRequests] };

/** A browser as far as a sign-in needs one: cookies, and redirects seen one at a time. */
class Browser {
  private readonly cookies = new Map<string, string>();

  async open(url: string | URL, form?: Record<string, string>): Promise<Response> {
    const response = await fetch(url, {
      redirect: 'manual',
      method: form ? 'POST' : 'GET',
      headers: { cookie: [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(form ? { body: new URLSearchParams(form) } : {}),
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [name = '', value = ''] = cookie.split(';', 1)[0]?.split(/=(.*)/s) ?? [];
      this.cookies.set(name, value);
    }
    return response;
  }

  /** Follows redirects as long as they stay on this origin. */
  async follow(url: string | URL, form?: Record<string, string>): Promise<{ url: URL; response: Response }> {
    let at = new URL(url);
    let response = await this.open(at, form);
    for (let next = response.headers.get('location'); next !== null; next = response.headers.get('location')) {
      const to = new URL(next, at);
      if (to.origin !== at.origin) return { url: to, response };
      at = to;
      response = await this.open(at);
    }
    return { url: at, response };
  }
}

describe('the directory, mounted in a server', () => {
  let server: FastifyInstance;
  let origin: string;
  let issuer: string;
  let keys: DirectoryKeys;
  let failures: unknown[];

  beforeAll(async () => {
    keys = await generateDirectoryKeys();
    ({ server, origin } = await serve(keys));
    issuer = `${origin}/sandbox/directory`;
  });
  afterAll(() => server.close());
  beforeEach(() => {
    failures = [];
  });
  afterEach(() => expect(failures).toEqual([]));

  async function serve(withKeys: DirectoryKeys): Promise<{ server: FastifyInstance; origin: string }> {
    const port = await freePort();
    const at = `http://127.0.0.1:${port}`;
    const started = fastify();
    started.post('/elsewhere', (request) => ({ body: request.body }));
    const handler = directoryHandler({ issuer: `${at}/sandbox/directory`, audience, keys: withKeys });
    mountHandler(started, {
      prefix: '/sandbox/directory',
      publicUrl: at,
      handler,
      onError: (error) => failures.push(error),
    });
    await started.listen({ port, host: '127.0.0.1' });
    return { server: started, origin: at };
  }

  const discover = () => client.discovery(new URL(issuer), 'gatehouse-cli', undefined, client.None(), insecure);

  /** From the authorization request to the page that asks for a password. */
  async function begin(browser: Browser, config: client.Configuration, more: Record<string, string> = {}) {
    const verifier = client.randomPKCECodeVerifier();
    const state = client.randomState();
    const nonce = client.randomNonce();
    const url = client.buildAuthorizationUrl(config, {
      redirect_uri: redirectUri,
      scope: 'openid profile email fhirUser',
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state,
      nonce,
      ...more,
    });
    const page = await browser.follow(url);
    return { page, checks: { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce } };
  }

  async function signIn(email: string, more?: Record<string, string>) {
    const config = await discover();
    const browser = new Browser();
    const { page, checks } = await begin(browser, config, more);
    const back = await browser.follow(page.url, { email, password: 'gatehouse' });
    return { config, browser, tokens: await client.authorizationCodeGrant(config, back.url, checks) };
  }

  const verify = (token: string, options = {}) =>
    jwtVerify(token, createRemoteJWKSet(new URL(`${issuer}/jwks`)), {
      issuer,
      audience,
      typ: 'at+jwt',
      algorithms: ['ES256'],
      ...options,
    });

  it('names itself and its addresses by its public URL, whatever host is asked', async () => {
    const metadata = (await discover()).serverMetadata();
    expect(metadata).toMatchObject({
      issuer,
      jwks_uri: `${issuer}/jwks`,
      authorization_endpoint: `${issuer}/auth`,
      token_endpoint: `${issuer}/token`,
      code_challenge_methods_supported: ['S256'],
    });
    const asked = await server.inject({
      url: '/sandbox/directory/.well-known/openid-configuration',
      headers: { host: 'evil.example', 'x-forwarded-host': 'evil.example' },
    });
    expect(asked.json()).toEqual(expect.objectContaining({ token_endpoint: `${issuer}/token` }));
  });

  it('serves public keys alone', async () => {
    const { keys: served } = (await (await fetch(`${issuer}/jwks`)).json()) as { keys: Record<string, unknown>[] };
    expect(served.map(({ kid }) => kid).sort()).toEqual([keys.accessToken.kid, keys.idToken.kid].sort());
    for (const key of served)
      for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) expect(key).not.toHaveProperty(secret);
  });

  it('signs a person in by authorization code, with an access token for the administrative API', async () => {
    const { tokens } = await signIn('reviewer@example.org');
    const { payload, protectedHeader } = await verify(tokens.access_token);
    expect(protectedHeader).toMatchObject({ alg: 'ES256', typ: 'at+jwt', kid: keys.accessToken.kid });
    expect(payload).toMatchObject({
      sub: 'reviewer@example.org',
      roles: ['reviewer'],
      name: 'Robin Reviewer',
      email: 'reviewer@example.org',
      client_id: 'gatehouse-cli',
    });
    expect(tokens.claims()).toMatchObject({ sub: 'reviewer@example.org', roles: ['reviewer'], aud: 'gatehouse-cli' });
    expect(decodeProtectedHeader(tokens.id_token ?? '')).toMatchObject({ alg: 'RS256', kid: keys.idToken.kid });
    await expect(verify(tokens.id_token ?? '')).rejects.toThrow();
  });

  it.each([administration, audience])('gives the same to a client that names the resource %s', async (resource) => {
    const { tokens } = await signIn('auditor@example.org', { resource });
    expect((await verify(tokens.access_token)).payload['roles']).toEqual(['auditor']);
  });

  it('says of patients and practitioners who they are, and gives them no role', async () => {
    const { tokens } = await signIn('Patient-03@example.org');
    expect(tokens.claims()).toMatchObject({
      sub: 'patient-03@example.org',
      fhirUser: 'Patient/patient-03',
      name: 'Chidi Eze',
      roles: [],
    });
    expect((await signIn('practitioner-02@example.org')).tokens.claims()).toMatchObject({
      fhirUser: 'Practitioner/practitioner-02',
    });
  });

  it('remembers the browser, and asks nothing the second time', async () => {
    const { browser, config } = await signIn('dev@example.org');
    const again = await begin(browser, config);
    expect(again.page.url.origin).toBe('http://127.0.0.1:4711');
    const tokens = await client.authorizationCodeGrant(config, again.page.url, again.checks);
    expect(tokens.claims()?.sub).toBe('dev@example.org');
  });

  describe('the login page', () => {
    it('has labels and no script, under a policy that lets the form go back to the client', async () => {
      const { page } = await begin(new Browser(), await discover());
      expect(page.response.status).toBe(200);
      expect(page.response.headers.get('content-security-policy')).toMatch(
        /^default-src 'none'; style-src 'sha256-[^']+'; form-action 'self' http:\/\/127\.0\.0\.1:4711; /,
      );
      const html = await page.response.text();
      expect(html).toContain('<label for="email">');
      expect(html).toContain('<label for="password">');
      expect(html).toContain('The command line of Gatehouse');
      expect(html).not.toContain('<script');
    });

    it.each([
      ['dev@example.org', 'wrong'],
      ['nobody@example.org', 'gatehouse'],
      ['"><script>alert(1)</script>', 'gatehouse'],
      ['constructor', 'gatehouse'],
    ])('asks %s again after the password %s, with what was typed and a reason', async (email, password) => {
      const browser = new Browser();
      const { page } = await begin(browser, await discover());
      const again = await browser.follow(page.url, { email, password });
      expect(again.url.href).toBe(page.url.href);
      expect(again.response.status).toBe(401);
      const html = await again.response.text();
      expect(html).toContain('role="alert"');
      expect(html).not.toContain('<script');
    });

    it('is not there for another browser', async () => {
      const { page } = await begin(new Browser(), await discover());
      expect((await new Browser().open(page.url)).status).toBe(400);
      expect((await new Browser().open(page.url, { email: 'dev@example.org', password: 'gatehouse' })).status).toBe(
        400,
      );
    });
  });

  it('gives the command line a refresh token, so that a sign-in lasts a day of work', async () => {
    const { config, tokens } = await signIn('dev@example.org', { scope: 'openid offline_access' });
    const renewed = await client.refreshTokenGrant(config, tokens.refresh_token ?? '');
    expect((await verify(renewed.access_token)).payload).toMatchObject({
      sub: 'dev@example.org',
      roles: ['developer'],
    });
  });

  it('refuses a sign-in without PKCE, to another redirect URI, or for another resource', async () => {
    const config = await discover();
    const parameters = {
      client_id: 'gatehouse-cli',
      response_type: 'code',
      scope: 'openid',
      redirect_uri: redirectUri,
    };
    const authorize = async (more: Record<string, string>) =>
      new Browser().open(
        `${config.serverMetadata().authorization_endpoint}?${new URLSearchParams({ ...parameters, ...more }).toString()}`,
      );
    const challenge = { code_challenge: 'a'.repeat(43), code_challenge_method: 'S256' };
    expect((await authorize({})).headers.get('location')).toContain('error=invalid_request');
    expect((await authorize({ ...challenge, redirect_uri: 'https://evil.example/callback' })).status).toBe(400);
    expect(
      (await authorize({ ...challenge, resource: 'https://elsewhere.example' })).headers.get('location'),
    ).toContain('error=invalid_target');
  });

  describe('services', () => {
    const asService = (id: string, secret: string) =>
      client
        .discovery(new URL(issuer), id, undefined, client.ClientSecretBasic(secret), insecure)
        .then((config) => client.clientCredentialsGrant(config));

    it.each(['enforcement-point', 'launcher'])('%s gets a token with its role alone', async (id) => {
      const tokens = await asService(id, 'gatehouse');
      expect((await verify(tokens.access_token)).payload).toMatchObject({ sub: id, client_id: id, roles: [id] });
    });

    it('are refused with a wrong secret', async () => {
      await expect(asService('launcher', 'wrong')).rejects.toMatchObject({ status: 401 });
    });
  });

  describe('the development token', () => {
    const mint = (
      body: string,
      headers: Record<string, string> = { 'content-type': 'application/json' },
      method = 'POST',
    ) => fetch(`${issuer}/development-token`, { method, headers, ...(method === 'POST' ? { body } : {}) });

    it('is the one that a sign-in on the command line would give', async () => {
      const response = await mint('{"as":"operator@example.org"}');
      const answer = (await response.json()) as { access_token: string; token_type: string; expires_in: number };
      expect(response.status).toBe(200);
      expect(response.headers.get('cache-control')).toBe('no-store');
      expect(answer).toMatchObject({ token_type: 'Bearer', expires_in: 3600 });
      const minted = await verify(answer.access_token);
      const signedIn = await verify((await signIn('operator@example.org')).tokens.access_token);
      expect(minted.protectedHeader).toEqual(signedIn.protectedHeader);
      const { iat: _i, exp: _e, jti: _j, ...claims } = minted.payload;
      expect(signedIn.payload).toMatchObject(claims);
      expect(claims['roles']).toEqual(['operator']);
    });

    it.each([
      ['an unknown person', '{"as":"nobody@example.org"}', 400],
      ['no person', '{}', 400],
      ['no object', 'null', 400],
      ['no JSON', '{', 400],
      ['a list', '{"as":["operator@example.org"]}', 400],
      ['too much', `{"as":"${'a'.repeat(9000)}"}`, 400],
    ])('is not given for %s', async (_what, body, status) => {
      expect((await mint(body)).status).toBe(status);
    });

    it('is not given to a page in a browser, to a form, or by GET', async () => {
      const body = '{"as":"operator@example.org"}';
      expect((await mint(body, { 'content-type': 'application/json', origin })).status).toBe(403);
      expect((await mint(body, { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin' })).status).toBe(
        403,
      );
      expect((await mint(body, { 'content-type': 'text/plain' })).status).toBe(415);
      expect((await mint('', {}, 'GET')).status).toBe(405);
    });
  });

  it('verifies tokens of before a restart with the same keys, and none with others', async () => {
    const { tokens } = await signIn('dev@example.org');
    for (const [other, verifies] of [
      [keys, true],
      [await generateDirectoryKeys(), false],
    ] as const) {
      const restarted = await serve(other);
      const jwks = (await (await fetch(`${restarted.origin}/sandbox/directory/jwks`)).json()) as JSONWebKeySet;
      await restarted.server.close();
      const verified = jwtVerify(tokens.access_token, createLocalJWKSet(jwks), { issuer, audience });
      await (verifies ? expect(verified).resolves.toBeDefined() : expect(verified).rejects.toThrow());
    }
  });

  it('leaves the bodies of other routes alone', async () => {
    const response = await fetch(`${origin}/elsewhere`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"a":1}',
    });
    expect(await response.json()).toEqual({ body: { a: 1 } });
  });
});
