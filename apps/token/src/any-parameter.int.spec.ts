import { testAuthorization, testBrowser, type TestApp, type TestAuthorization } from '#testing';
import { oauthPaths } from '#smart';
import fc from 'fast-check';
import { tokenPart } from './token.part.js';

let server: TestAuthorization;
let app: TestApp;
let symmetric: TestApp;

beforeAll(async () => {
  server = await testAuthorization(tokenPart);
  server.signInAs();
  [app, symmetric] = [await server.approved(), await server.approved('confidential-symmetric')];
}, 60_000);
afterAll(() => server.close(), 60_000);

/** What a parameter may be given: nothing, wrong, much too long, in other alphabets, and what breaks parsers. */
const value = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '\0',
    'a\0b',
    'null',
    'undefined',
    'true',
    '[]',
    '{}',
    '{"a":1}',
    '-1',
    '1e99',
    '%00',
    '%',
    '%ff',
  ),
  fc.constantFrom(
    'javascript:alert(1)',
    'https://evil.example/',
    '//evil.example',
    '\r\nx: y',
    '<script>',
    "' OR 1=1 --",
  ),
  fc.constantFrom('é', '\u202Eevil', '\uFEFF', '𝒳', 'ＡＢ', '\uD800'),
  fc.constantFrom('x'.repeat(9_000), 'é'.repeat(2_000), 'patient/*.rs '.repeat(200), 'a.'.repeat(300)),
  fc.string({ unit: 'binary', maxLength: 40 }),
);
/** How its name may be written: as it is, or as those do who mean lists and objects. */
const spelling = fc.constantFrom('', '', '', '[]', '[a]', '.a', '\0');

type Change = readonly [name: string, spelling: string, values: readonly string[]];

/** Up to three parameters taken away, replaced, or repeated. */
const changesOf = (...names: readonly [string, ...string[]]): fc.Arbitrary<readonly Change[]> =>
  fc.array(fc.tuple(fc.constantFrom(...names), spelling, fc.array(value, { maxLength: 2 })), {
    minLength: 1,
    maxLength: 3,
  });

function changed(query: URLSearchParams, changes: readonly Change[]): URLSearchParams {
  for (const [name, spelled, values] of changes) {
    if (values.length !== 1 || spelled === '') query.delete(name);
    for (const each of values) query.append(name + spelled, each);
  }
  return query;
}

const clientFields = ['client_id', 'client_secret', 'client_assertion', 'client_assertion_type'] as const;
/** The errors that the endpoints have (RFC 6749, 5.2; RFC 6750, 3.1; RFC 7009, 2.2.1; RFC 8707, 2; RFC 9449). */
const errors = [
  ...['invalid_request', 'invalid_client', 'invalid_grant', 'unauthorized_client', 'unsupported_grant_type'],
  ...['invalid_scope', 'invalid_target', 'invalid_dpop_proof', 'use_dpop_nonce', 'unsupported_token_type'],
  'invalid_token',
];
/** Those of the authorization endpoint (RFC 6749, 4.1.2.1; OpenID Connect Core, 3.1.2.6), which a pushed request has too (RFC 9126, 2.3). */
const authorizationErrors = [
  ...errors,
  ...['access_denied', 'unsupported_response_type', 'unsupported_response_mode', 'invalid_request_uri'],
  ...['request_not_supported', 'request_uri_not_supported', 'registration_not_supported', 'login_required'],
];

/**
 * Posts a form, or the same as JSON or as plain text, and holds the answer to what is specified. Gives the body of one that
 * is no refusal.
 */
async function expectSpecified(
  path: string,
  form: URLSearchParams,
  as: string,
  headers: Record<string, string> = {},
): Promise<unknown> {
  const body = as === 'application/json' ? JSON.stringify(Object.fromEntries(form)) : form.toString();
  const response = await server.service.call(path, {
    method: 'POST',
    headers: { 'content-type': as, ...headers },
    body,
  });
  const text = await response.text();
  expect(response.headers.get('location')).toBeNull();
  if (response.status === 200 || response.status === 201) return text === '' ? undefined : JSON.parse(text);
  expect([400, 401, 403]).toContain(response.status);
  const { error } = JSON.parse(text) as { error?: string };
  expect(path === oauthPaths.pushedRequest ? authorizationErrors : errors).toContain(error);
  return undefined;
}

const form = 'application/x-www-form-urlencoded';
const contentType = fc.constantFrom(...Array.from({ length: 8 }, () => form), 'application/json', 'text/plain');

/** Where a request may lead: to our own pages, or with a specified error back to where the application is registered. */
function expectNowhereElse(location: string | null) {
  if (location === null || location.startsWith('/oauth/interaction/')) return;
  const { origin, pathname, search, hash } = new URL(location);
  expect(origin + pathname).toBe(server.back);
  const { error, iss } = Object.fromEntries(new URLSearchParams(search === '' ? hash.slice(1) : search));
  expect(authorizationErrors).toContain(error);
  expect(iss).toBe(server.service.url);
}

/** Brings a browser to the authorization endpoint, and holds the answer to what is specified. */
async function expectSafe(query: URLSearchParams, posted = false) {
  const address = `${server.service.url}${oauthPaths.authorization}`;
  const response = posted
    ? await testBrowser().go(address, { method: 'POST', body: query })
    : await testBrowser().go(`${address}?${query.toString()}`);
  expect(await response.text()).not.toContain('server_error');
  expect([200, 303, 400, 413, 414, 431]).toContain(response.status);
  expectNowhereElse(response.headers.get('location'));
}

const requestOf = (of: TestApp) => new URLSearchParams(server.request(of).url.split('?')[1]);

/** What a request for authorization has, may have, and must not have. */
const asked = [
  ...(['response_type', 'client_id', 'redirect_uri', 'scope', 'state', 'aud', 'launch', 'nonce', 'prompt'] as const),
  ...['code_challenge', 'code_challenge_method', 'max_age', 'resource', 'response_mode', 'request_uri', 'request'],
  ...['ui_locales', 'login_hint', 'id_token_hint', 'acr_values', 'claims', 'display', 'registration', 'dpop_jkt'],
] as const;

describe('any parameter at all', () => {
  test('[RFC 9700 §4.11] brings the specified error, never a failure, and nobody to where nothing is registered', async () => {
    await fc.assert(
      fc.asyncProperty(changesOf('response_type', ...asked), fc.boolean(), (changes, posted) =>
        expectSafe(changed(requestOf(app), changes), posted),
      ),
      { numRuns: 120 },
    );
  }, 60_000);

  test('[RFC 9126 §2.3] of a pushed request brings an error in its words, or a request that leads nobody astray', async () => {
    const secretly = fc.constantFrom('none', 'secret', 'wrong secret');
    await fc.assert(
      fc.asyncProperty(
        changesOf('client_id', ...clientFields, ...asked),
        contentType,
        secretly,
        async (changes, as, by) => {
          const who = by === 'none' ? app : symmetric;
          const form = requestOf(who);
          if (by !== 'none') form.set('client_secret', by === 'secret' ? server.secret : 'wrong'.repeat(9));
          const pushed = await expectSpecified(oauthPaths.pushedRequest, changed(form, changes), as);
          if (pushed === undefined) return;
          const { request_uri: uri } = pushed as { request_uri: string };
          expect(uri).toMatch(/^urn:ietf:params:oauth:request_uri:/);
          await expectSafe(new URLSearchParams({ client_id: who.client.clientId, request_uri: uri }));
        },
      ),
      { numRuns: 200 },
    );
  }, 60_000);

  test('[RFC 9126 §4] beside a request_uri, or in its place, brings no failure, and nobody elsewhere', async () => {
    const spoilt = fc.constantFrom('', 'as it is', 'longer', 'cut', 'of another', 'upper case', 'null');
    await fc.assert(
      fc.asyncProperty(changesOf('request_uri', ...asked), spoilt, fc.boolean(), async (changes, how, posted) => {
        const pushed = await expectSpecified(oauthPaths.pushedRequest, requestOf(app), form);
        const { request_uri: uri } = pushed as { request_uri: string };
        const uris: Record<string, string> = {
          longer: `${uri}x`,
          cut: uri.slice(0, -3),
          'upper case': uri.toUpperCase(),
          null: `${uri}\0`,
        };
        const { clientId } = (how === 'of another' ? symmetric : app).client;
        const query = new URLSearchParams({ client_id: clientId, request_uri: uris[how] ?? uri });
        await expectSafe(changed(query, how === 'as it is' ? [] : changes), posted);
      }),
      { numRuns: 120 },
    );
  }, 60_000);

  test('[RFC 6749 §5.2] at the token endpoint brings an error in its words', async () => {
    const names = [
      'code',
      'redirect_uri',
      'code_verifier',
      'refresh_token',
      'scope',
      'resource',
      ...clientFields,
    ] as const;
    await fc.assert(
      fc.asyncProperty(
        changesOf('grant_type', ...names),
        fc.constantFrom('authorization_code', 'refresh_token', 'client_credentials'),
        contentType,
        fc.boolean(),
        async (changes, grantType, as, secretly) => {
          const who = secretly ? { client_id: symmetric.client.clientId, client_secret: server.secret } : {};
          const form = new URLSearchParams({
            ...{ grant_type: grantType, client_id: app.client.clientId, code: 'x', refresh_token: 'x' },
            ...{ redirect_uri: server.back, code_verifier: 'x'.repeat(43), ...who },
          });
          await expectSpecified(oauthPaths.token, changed(form, changes), as);
        },
      ),
      { numRuns: 150 },
    );
  }, 60_000);

  test('[RFC 6749 §5.2] beside an assertion that is right, at the token endpoint, too', async () => {
    const backend = await server.approved('confidential-asymmetric', ['system/*.rs']);
    const names = ['client_id', 'scope', 'resource', 'client_assertion_type', 'grant_type'] as const;
    await fc.assert(
      fc.asyncProperty(changesOf('client_secret', ...names), async (changes) => {
        const assertion = await backend.client.assertion(`${server.service.url}${oauthPaths.token}`);
        const form = backend.client.form(assertion, { scope: 'system/*.rs' });
        await expectSpecified(oauthPaths.token, changed(form, changes), 'application/x-www-form-urlencoded');
      }),
      { numRuns: 60 },
    );
  }, 60_000);

  test.each([
    ['introspection', oauthPaths.introspection],
    ['revocation', oauthPaths.revocation],
  ] as const)(
    'at the %s endpoint brings an error in its words',
    async (_name, path) => {
      const point = await server.issuer.bearer('gateway', 'enforcement-point');
      await fc.assert(
        fc.asyncProperty(
          changesOf('token', 'token_type_hint', ...clientFields),
          contentType,
          fc.constantFrom('secret', 'public', 'bearer', 'broken bearer', 'broken basic'),
          async (changes, as, by) => {
            const { client } = by === 'secret' ? symmetric : app;
            const who = by === 'secret' ? { client_secret: server.secret } : {};
            const form = new URLSearchParams({ token: 'x', client_id: client.clientId, ...who });
            const headers: Record<string, Record<string, string>> = {
              bearer: point,
              'broken bearer': { authorization: 'Bearer a.b.c' },
              'broken basic': { authorization: 'Basic ////' },
            };
            await expectSpecified(path, changed(form, changes), as, headers[by]);
          },
        ),
        { numRuns: 100 },
      );
    },
    60_000,
  );
});
