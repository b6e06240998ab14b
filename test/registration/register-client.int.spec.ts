import { registration, topicsOf } from '#contracts';
import type { ServicePart } from '#host';
import { Client } from 'pg';
import { startTestService, testClient, testIssuer, type TestIssuer, type TestService } from '#testing';
import { approvalPart } from '../../apps/approval/src/approval.part.js';
import { registrationPart } from '../../apps/registration/src/registration.part.js';
import { tokenPart } from '../../apps/token/src/token.part.js';
import { isolate, type Isolation } from '../environment/isolation.js';
import { readBytes } from '../faults/raw-log.js';

type Json = Record<string, unknown>;

let own: Isolation;
let issuer: TestIssuer;
/** Takes clients without a token as well. */
let open: TestService;
/** As it is by default. */
let closed: TestService;

beforeAll(async () => {
  [own, issuer] = await Promise.all([isolate(), testIssuer()]);
  const environment = { KAFKA_BROKERS: own.brokers, KAFKA_TOPIC_PREFIX: own.prefix };
  const started = (part: ServicePart, more: Record<string, string>) =>
    startTestService(part, { databaseUrl: own.databaseUrl, issuer, environment: { ...environment, ...more } });
  const parts = [registrationPart, approvalPart, tokenPart];
  open = await started(
    { name: 'gatehouse', defaultPort: 8080, parts },
    { TOKEN_OPEN_REGISTRATION: '1', TOKEN_OPEN_REGISTRATIONS_PER_HOUR: '3', REGISTRATION_CLOCK_SECONDS: '1' },
  );
  closed = await started(tokenPart, { PUBLIC_URL: open.url });
}, 90_000);

afterAll(async () => {
  await Promise.all([open.close(), closed.close()]);
  await Promise.all([own.dispose(), issuer.close()]);
}, 60_000);

const metadata = {
  client_name: 'Growth chart',
  redirect_uris: ['https://app.example/back'],
  scope: 'launch/patient patient/Patient.rs offline_access',
  token_endpoint_auth_method: 'none',
  contacts: ['someone@example.org'],
  'client_name#es': 'Curva',
  software_version: '2.1',
  nobody_knows_this: { a: [1] },
};

async function send(
  path: string,
  {
    method = 'POST',
    json,
    token,
    service = closed,
  }: { method?: string; json?: unknown; token?: string; service?: TestService } = {},
) {
  const response = await service.call(path, {
    method,
    ...(json === undefined ? {} : { json }),
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: (text === '' ? {} : JSON.parse(text)) as Json };
}

/** By somebody who is signed in at the provider. */
async function by(sub: string, role: string, path: string, json?: unknown, method?: string) {
  const [, token = ''] = (await issuer.bearer(sub, role)).authorization.split(' ');
  return send(path, { json, token, service: open, ...(method === undefined ? {} : { method }) });
}

async function initialToken(body: Json = {}, sub = 'dora', role = 'developer'): Promise<string> {
  const given = await by(sub, role, '/oauth/initial-access-tokens', body);
  expect(given.status).toBe(201);
  return String(given.body['token']);
}

async function registered(more: Json = {}) {
  const answer = await send('/oauth/register', { json: { ...metadata, ...more }, token: await initialToken() });
  expect([answer.status, answer.body['error_description']]).toEqual([201, undefined]);
  const { client_id: clientId, registration_access_token: token } = answer.body;
  return { clientId: String(clientId), token: String(token), answer };
}

/** The application as its owner sees it. */
async function seen(clientId: string, sub = 'dora') {
  const { body } = await by(sub, 'developer', '/registration/applications?limit=100', undefined, 'GET');
  return (body['items'] as Json[]).find((item) => item['clientId'] === clientId);
}

async function seenUntil(clientId: string, holds: (application: Json | undefined) => boolean, sub = 'dora') {
  for (;;) {
    const application = await seen(clientId, sub);
    if (holds(application)) return application;
  }
}

describe('a client that registers itself (RFC 7591)', () => {
  test('[RFC 7591 §3.2.1] is told what was registered, and waits for review', async () => {
    const { clientId, answer } = await registered();
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.body).toEqual({
      client_id: clientId,
      client_id_issued_at: expect.any(Number),
      client_name: 'Growth chart',
      redirect_uris: ['https://app.example/back'],
      scope: metadata.scope,
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      purposes_of_use: [{ code: 'PATRQT', justification: expect.any(String) }],
      require_pushed_authorization_requests: false,
      dpop_bound_access_tokens: false,
      registration_access_token: expect.stringMatching(/^[\w-]{43}$/),
      registration_client_uri: `${open.url}/oauth/register/${clientId}`,
    });
    const application = await seenUntil(clientId, (it) => it !== undefined);
    expect(application).toMatchObject({ status: 'submitted', name: 'Growth chart', contacts: metadata.contacts });
  });

  test('is of no use before its approval', async () => {
    const { clientId } = await registered();
    const page = await open.call(`/oauth/authorize?client_id=${clientId}&response_type=code`);
    expect(await page.text()).toContain('invalid_client');
    const form = new URLSearchParams({ grant_type: 'authorization_code', client_id: clientId, code: 'x' });
    expect((await open.call('/oauth/token', { method: 'POST', body: form })).status).toBe(401);
  });

  test('[RFC 7591 §3.2.1] a client with a secret is given one, once; a backend service brings its keys', async () => {
    const symmetric = await registered({ token_endpoint_auth_method: undefined });
    expect(symmetric.answer.body).toMatchObject({
      token_endpoint_auth_method: 'client_secret_basic',
      client_secret: expect.stringMatching(/^[\w-]{43}$/),
      client_secret_expires_at: expect.any(Number),
    });
    const { key } = await testClient();
    const backend = await registered({
      token_endpoint_auth_method: 'private_key_jwt',
      grant_types: ['client_credentials'],
      redirect_uris: undefined,
      scope: 'system/Patient.rs',
      purposes_of_use: [{ code: 'HOPERAT', justification: 'nightly export' }],
      jwks: { keys: [key.jwk] },
    });
    expect(backend.answer.body).toMatchObject({
      grant_types: ['client_credentials'],
      response_types: [],
      jwks: { keys: [expect.objectContaining({ kid: key.kid })] },
    });
  });

  test('[RFC 9126 §6] says that it pushes its requests, and that its tokens are bound to a key', async () => {
    const hard = { require_pushed_authorization_requests: true, dpop_bound_access_tokens: true };
    const { clientId, token, answer } = await registered(hard);
    expect(answer.body).toMatchObject(hard);
    await seenUntil(clientId, (it) => it?.['dpopBoundAccessTokens'] === true);
    const path = `/oauth/register/${clientId}`;
    const read = await send(path, { method: 'GET', token });
    expect(read.body).toMatchObject(hard);
    const json = { ...metadata, client_id: clientId, dpop_bound_access_tokens: true };
    const updated = await send(path, { method: 'PUT', token: String(read.body['registration_access_token']), json });
    expect(updated.body).toMatchObject({ ...hard, require_pushed_authorization_requests: false });
    const application = await seenUntil(clientId, (it) => it?.['requirePushedAuthorizationRequests'] === undefined);
    expect(application).toMatchObject({ dpopBoundAccessTokens: true, status: 'submitted' });
  });

  test.each<[string, Json, string]>([
    ['another scheme in a redirect URI', { redirect_uris: ['http://app.example/back'] }, 'invalid_redirect_uri'],
    ['a fragment in a redirect URI', { redirect_uris: ['https://app.example/back#x'] }, 'invalid_redirect_uri'],
    ['redirect URIs that are none', { redirect_uris: 'https://app.example/back' }, 'invalid_redirect_uri'],
    ['no name', { client_name: undefined }, 'invalid_client_metadata'],
    ['a name that hides what it is', { client_name: 'Growth\u202echart' }, 'invalid_client_metadata'],
    ['no scope', { scope: undefined }, 'invalid_client_metadata'],
    ['a scope that is none', { scope: 'patient/Patient.sr' }, 'invalid_client_metadata'],
    ['another grant', { grant_types: ['password'] }, 'invalid_client_metadata'],
    ['another response type', { response_types: ['token'] }, 'invalid_client_metadata'],
    [
      'a way to authenticate that there is not',
      { token_endpoint_auth_method: 'tls_client_auth' },
      'invalid_client_metadata',
    ],
    ['contacts that are none', { contacts: ['nobody'] }, 'invalid_client_metadata'],
    ['keys that are none', { jwks: { keys: [{ kty: 'oct', k: 'x' }] } }, 'invalid_client_metadata'],
    ['an asymmetric client without keys', { token_endpoint_auth_method: 'private_key_jwt' }, 'invalid_client_metadata'],
    [
      'a purpose that there is not',
      { purposes_of_use: [{ code: 'FUN', justification: 'x' }] },
      'invalid_client_metadata',
    ],
    ['a flag that is a text', { dpop_bound_access_tokens: 'true' }, 'invalid_client_metadata'],
    ['a flag that is a number', { require_pushed_authorization_requests: 1 }, 'invalid_client_metadata'],
    ['a software statement', { software_statement: 'a.b.c' }, 'unapproved_software_statement'],
  ])('[RFC 7591 §3.2.2] with %s is refused, and its token is as good as before', async (_what, change, error) => {
    const token = await initialToken();
    const refused = await send('/oauth/register', { json: { ...metadata, ...change }, token });
    expect([refused.status, refused.body['error']]).toEqual([400, error]);
    expect((await send('/oauth/register', { json: metadata, token })).status).toBe(201);
  });

  test('[RFC 7591 §3] needs an initial access token, which counts as often as was said', async () => {
    for (const token of [undefined, 'nobody-gave-this'])
      expect(
        await send('/oauth/register', { json: metadata, ...(token === undefined ? {} : { token }) }),
      ).toMatchObject({
        status: 401,
        body: { error: 'invalid_token' },
      });
    const token = await initialToken({ uses: 2 });
    const answers = await Promise.all([1, 2, 3, 4].map(() => send('/oauth/register', { json: metadata, token })));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 401, 401]);
    const late = await initialToken();
    await forgetTime();
    expect((await send('/oauth/register', { json: metadata, token: late })).status).toBe(401);
  });

  test('the token is for its owner: a developer gives it for themselves, an operator for anybody', async () => {
    const { clientId } = await registered();
    const application = await seenUntil(clientId, (it) => it !== undefined);
    const ownerId = String(application?.['ownerId']);
    expect((await by('eve', 'developer', '/oauth/initial-access-tokens', { ownerId })).status).toBe(403);
    expect((await by('eve', 'reviewer', '/oauth/initial-access-tokens', {})).status).toBe(403);
    const token = await initialToken({ ownerId }, 'olga', 'operator');
    const { body } = await send('/oauth/register', { json: metadata, token });
    await seenUntil(String(body['client_id']), (it) => it?.['status'] === 'submitted');
  });
});

describe('a client that manages its registration (RFC 7592)', () => {
  test('[RFC 7592 §2.1] reads it, under another token each time; the one before counts until then', async () => {
    const { clientId, token, answer } = await registered();
    const path = `/oauth/register/${clientId}`;
    const first = await send(path, { method: 'GET', token });
    expect([first.status, first.body['client_name'], first.body['scope']]).toEqual([
      200,
      'Growth chart',
      metadata.scope,
    ]);
    const next = String(first.body['registration_access_token']);
    expect(next).not.toBe(token);
    // As if the answer had been lost.
    const again = await send(path, { method: 'GET', token });
    const last = String(again.body['registration_access_token']);
    expect((await send(path, { method: 'GET', token: last })).status).toBe(200);
    for (const old of [token, next]) expect((await send(path, { method: 'GET', token: old })).status).toBe(401);
    expect(answer.body['client_id']).toBe(first.body['client_id']);
  });

  test('[RFC 7592 §2.2] an update goes through the same review, and is shown as it was declared', async () => {
    const { clientId, token } = await registered();
    const path = `/oauth/register/${clientId}`;
    const update = { ...metadata, client_id: clientId, scope: 'launch/patient patient/Observation.rs' };
    const { status, body } = await send(path, { method: 'PUT', token, json: update });
    expect([status, body['scope']]).toEqual([200, update.scope]);
    const application = await seenUntil(clientId, (it) =>
      JSON.stringify(it?.['requestedScopes'] ?? []).includes('Observation'),
    );
    expect(application).toMatchObject({ status: 'submitted', approvedScopes: [], submission: { number: 2 } });
  });

  test.each<[string, Json, string]>([
    ['another client_id', { client_id: 'another' }, 'invalid_request'],
    ['no client_id', { client_id: undefined }, 'invalid_request'],
    ['its own token', { registration_access_token: 'x' }, 'invalid_request'],
    ['another way to authenticate', { token_endpoint_auth_method: 'client_secret_basic' }, 'invalid_client_metadata'],
    ['a redirect URI that may not be', { redirect_uris: ['https://app.example/#x'] }, 'invalid_redirect_uri'],
    ['no scope', { scope: undefined }, 'invalid_client_metadata'],
  ])('[RFC 7592 §2.2] not with %s', async (_what, change, error) => {
    const { clientId, token } = await registered();
    const json = { ...metadata, client_id: clientId, ...change };
    expect(await send(`/oauth/register/${clientId}`, { method: 'PUT', token, json })).toMatchObject({
      status: 400,
      body: { error },
    });
  });

  test('[RFC 7592 §2.3] ends it for good', async () => {
    const { clientId, token } = await registered();
    const path = `/oauth/register/${clientId}`;
    expect((await send(path, { method: 'DELETE', token })).status).toBe(204);
    await seenUntil(clientId, (it) => it?.['status'] === 'revoked');
    for (const method of ['GET', 'DELETE']) expect((await send(path, { method, token })).status).toBe(401);
  });

  test('[RFC 7592 §3] not another’s, not without a token, and not once the application has another owner', async () => {
    const [mine, other] = [await registered(), await registered()];
    const path = `/oauth/register/${mine.clientId}`;
    expect((await send(path, { method: 'GET', token: other.token })).status).toBe(401);
    expect((await send(path, { method: 'GET' })).status).toBe(401);
    expect((await send('/oauth/register/nobody', { method: 'GET', token: mine.token })).status).toBe(401);
    const { id } = (await seenUntil(mine.clientId, (it) => it !== undefined)) ?? {};
    const heir = await send('/oauth/register', { json: metadata, token: await initialToken({}, 'hugo') });
    const ownerId = (await seenUntil(String(heir.body['client_id']), (it) => it !== undefined, 'hugo'))?.['ownerId'];
    expect(
      (await by('dora', 'developer', `/registration/applications/${String(id)}/ownership-transfer`, { ownerId }))
        .status,
    ).toBe(200);
    let { token } = mine;
    for (let status = 200; status === 200;) {
      const answer = await send(path, { method: 'GET', token });
      status = answer.status;
      if (status === 200) token = String(answer.body['registration_access_token']);
      else expect(status).toBe(401);
    }
  });

  test('no token stands in the database', async () => {
    const { token } = await registered();
    const initial = await initialToken();
    const kept = JSON.stringify(
      await sql('SELECT * FROM protocol.client_registrations, protocol.initial_access_tokens'),
    );
    for (const secret of [token, initial]) expect(kept).not.toContain(secret);
  });
});

describe('a registration whose answer was lost', () => {
  /** As if the process had died so long ago, before the answer left. */
  const unanswered = (clientId: unknown, seconds: number) =>
    sql(`UPDATE protocol.client_registrations SET unanswered_since = now() - interval '${seconds} s'
         WHERE client_id = '${String(clientId)}'`);
  /** An answer is known to have left a moment after it did. */
  const answered = async () => {
    const open = 'SELECT 1 FROM protocol.client_registrations WHERE unanswered_since IS NOT NULL';
    while ((await sql(open)).length > 0); // nobody tells
  };
  const post = (json: Json, token: string) => send('/oauth/register', { json, token });
  const named = (name: string) => ({ ...metadata, client_name: name });
  const applications = async (name: string) => {
    const { body } = await by('dora', 'developer', '/registration/applications?limit=100', undefined, 'GET');
    return (body['items'] as Json[]).filter((item) => item['name'] === name);
  };
  const manages = async (clientId: unknown, token: unknown) =>
    (await send(`/oauth/register/${String(clientId)}`, { method: 'GET', token: String(token) })).status;

  test('is answered to whoever comes again with the same token and metadata: one application, and a token that manages it', async () => {
    const token = await initialToken();
    const json = named('Lost answer');
    const first = await post(json, token);
    await answered();
    await unanswered(first.body['client_id'], 31);
    expect((await post({ ...json, tos_uri: 'https://app.example/terms' }, token)).status).toBe(401);
    const again = await post(json, token);
    expect([again.status, again.body]).toEqual([
      201,
      { ...first.body, registration_access_token: expect.stringMatching(/^[\w-]{43}$/) },
    ]);
    expect(again.body['registration_access_token']).not.toBe(first.body['registration_access_token']);
    expect(await manages(first.body['client_id'], again.body['registration_access_token'])).toBe(200);
    await seenUntil(String(first.body['client_id']), (it) => it !== undefined);
    expect(await applications('Lost answer')).toHaveLength(1);
    // It was answered: whoever repeats it now would be somebody else.
    await answered();
    expect((await post(json, token)).status).toBe(401);
  });

  test('is not given to anybody while an instance may still be at it', async () => {
    const token = await initialToken();
    const json = named('Under way');
    const { body } = await post(json, token);
    await answered();
    await unanswered(body['client_id'], 1);
    const early = await post(json, token);
    expect([early.status, early.body['error'], early.headers.get('retry-after')]).toEqual([
      503,
      'temporarily_unavailable',
      '1',
    ]);
    expect(await manages(body['client_id'], body['registration_access_token'])).toBe(200);
  });

  test('takes no other use, and is for nobody with another token; what was answered is registered twice when it is asked twice', async () => {
    const token = await initialToken({ uses: 2 });
    const json = named('Twice');
    const lost = await post(json, token);
    await answered();
    await unanswered(lost.body['client_id'], 31);
    const others = await post(json, await initialToken());
    expect(others.body['client_id']).not.toBe(lost.body['client_id']);
    const again = await post(json, token);
    expect(again.body['client_id']).toBe(lost.body['client_id']);
    await answered();
    const second = await post(json, token);
    expect([second.status, second.body['client_id'] === lost.body['client_id']]).toEqual([201, false]);
    await answered();
    expect((await post(json, token)).status).toBe(401);
  });

  test('gives a secret to a client that has one, and takes back the one that nobody was told', async () => {
    const token = await initialToken();
    const json = { ...named('Secretive'), token_endpoint_auth_method: 'client_secret_basic' };
    const first = await post(json, token);
    await answered();
    await unanswered(first.body['client_id'], 31);
    const again = await post(json, token);
    expect(again.body['client_secret']).not.toBe(first.body['client_secret']);
    const application = await seenUntil(
      String(first.body['client_id']),
      (it) => it?.['version'] === 5, // registered, submitted, a secret, another, without the first
    );
    expect(application?.['secrets']).toHaveLength(1);
  });

  test('is left to whoever has it once it was approved: another retry takes no secret away', async () => {
    const token = await initialToken();
    const json = { ...named('Approved'), token_endpoint_auth_method: 'client_secret_basic' };
    const first = await post(json, token);
    const submitted = await seenUntil(String(first.body['client_id']), (it) => it?.['status'] === 'submitted');
    await answered();
    await unanswered(first.body['client_id'], 31);
    const queue = `/approval/reviews?applicationId=${String(submitted?.['id'])}&status=pending`;
    const waiting = async () => (await by('rita', 'reviewer', queue, undefined, 'GET')).body['items'] as Json[];
    let [review] = await waiting();
    while (review === undefined) [review] = await waiting(); // nobody tells
    const scopes = ['launch/patient', 'patient/Patient.rs', 'offline_access'];
    const expiresAt = new Date(Date.now() + 30 * 86_400_000).toISOString();
    const decision = { decision: 'approve', scopes, expiresAt, reason: 'fits' };
    const approved = await by('rita', 'reviewer', `/approval/reviews/${String(review['id'])}/decisions`, decision);
    expect([approved.status, approved.body['detail']]).toEqual([200, undefined]);
    await seenUntil(String(first.body['client_id']), (it) => it?.['status'] === 'active');
    const before = await commands();
    expect((await post(json, token)).status).toBe(201);
    // Register, read, a secret.
    expect((await commands()) - before).toBe(3);
    const credentials = (it: Json | undefined) => [it?.['secrets'], it?.['unconfirmed']].flat().length;
    await seenUntil(String(first.body['client_id']), (it) => credentials(it) === 2);
    await answered();
  });

  test('ends with its hour, and with its twentieth attempt; no attempt takes away what is not there', async () => {
    const token = await initialToken();
    const json = { ...named('Again and again'), token_endpoint_auth_method: 'client_secret_basic' };
    const { body } = await post(json, token);
    await answered();
    const change = (what: string) =>
      sql(`UPDATE protocol.client_registrations SET ${what} WHERE client_id = '${String(body['client_id'])}'`);
    const lost = "unanswered_since = now() - interval '31 s'";
    await change(`${lost}, created_at = now() - interval '61 minutes'`);
    expect((await post(json, token)).status).toBe(401);
    await change('created_at = now(), attempt = 19');
    const before = await commands();
    expect((await post(json, token)).status).toBe(201);
    // Register, read, a secret, and the one that is there goes.
    expect((await commands()) - before).toBe(4);
    await answered();
    await change(lost);
    expect((await post(json, token)).status).toBe(401);
    await change('unanswered_since = NULL');
  });

  test('is one that was answered as soon as that can be kept', async () => {
    const token = await initialToken();
    // A sequence counts what is undone as well.
    await sql(`CREATE SEQUENCE public.kept_tries`);
    await sql(`CREATE FUNCTION public.not_now() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN PERFORM nextval('public.kept_tries'); RAISE EXCEPTION 'not now'; END $$`);
    await sql(`CREATE TRIGGER not_now BEFORE UPDATE ON protocol.client_registrations
      FOR EACH ROW WHEN (NEW.unanswered_since IS NULL) EXECUTE FUNCTION public.not_now()`);
    expect((await post(named('Kept late'), token)).status).toBe(201);
    while ((await sql('SELECT 1 FROM public.kept_tries WHERE is_called')).length === 0); // nobody tells
    await sql('DROP TRIGGER not_now ON protocol.client_registrations');
    await answered();
    expect((await post(named('Kept late'), token)).status).toBe(401);
  });

  test('is not for a client whose application has another owner meanwhile', async () => {
    const token = await initialToken();
    const json = named('Given away');
    const first = await post(json, token);
    const { id } = (await seenUntil(String(first.body['client_id']), (it) => it !== undefined)) ?? {};
    await answered();
    await unanswered(first.body['client_id'], 31);
    const heir = await send('/oauth/register', { json: metadata, token: await initialToken({}, 'hugo') });
    const ownerId = (await seenUntil(String(heir.body['client_id']), (it) => it !== undefined, 'hugo'))?.['ownerId'];
    const transfer = `/registration/applications/${String(id)}/ownership-transfer`;
    expect((await by('dora', 'developer', transfer, { ownerId })).status).toBe(200);
    expect(await post(json, token)).toMatchObject({ status: 401, body: { error: 'invalid_token' } });
  });
});

describe('open registration', () => {
  test('is a draft that nobody reviews until a developer who is signed in claims it; and so many an hour', async () => {
    const { status, body } = await send('/oauth/register', { json: metadata, service: open });
    expect(status).toBe(201);
    const [clientId, token] = [String(body['client_id']), String(body['registration_access_token'])];
    const claim = (registrationAccessToken: string, sub = 'dora', role = 'developer') =>
      by(sub, role, `/oauth/register/${clientId}/claim`, { registrationAccessToken });
    expect(await seen(clientId)).toBeUndefined();
    expect((await claim('not-the-token')).status).toBe(404);
    expect((await claim(token, 'rita', 'reviewer')).status).toBe(403);
    expect(await claim(token)).toMatchObject({ status: 200, body: { clientId, applicationId: expect.any(String) } });
    const application = await seenUntil(clientId, (it) => it !== undefined);
    expect(application).toMatchObject({ status: 'draft' });
    expect((await claim(token, 'eve')).status).toBe(404);

    const more = await Promise.all(
      Array.from({ length: 6 }, () => send('/oauth/register', { json: metadata, service: open })),
    );
    const taken = more.filter((answer) => answer.status === 201).length;
    expect(taken).toBe(3);
    expect(more.find((answer) => answer.status === 429)?.body).toMatchObject({ error: 'temporarily_unavailable' });
    expect((await send('/oauth/register', { json: metadata, token: await initialToken(), service: open })).status).toBe(
      201,
    );
  });
});

test('an open registration that nobody claims in time ends, by an event of the system’s; one that was claimed stays', async () => {
  // Those of the test before count for the hour.
  await sql("UPDATE protocol.client_registrations SET created_at = created_at - interval '2 hours'");
  const draft = async () => {
    const { status, body } = await send('/oauth/register', { json: metadata, service: open });
    expect(status).toBe(201);
    const [row] = await sql(
      `SELECT application_id AS id FROM protocol.client_registrations WHERE client_id = '${String(body['client_id'])}'`,
    );
    return {
      id: String(row?.['id']),
      clientId: String(body['client_id']),
      token: String(body['registration_access_token']),
    };
  };
  const [left, claimed, young] = [await draft(), await draft(), await draft()];
  const claim = ({ clientId, token }: typeof left) =>
    by('dora', 'developer', `/oauth/register/${clientId}/claim`, { registrationAccessToken: token });
  expect((await claim(claimed)).status).toBe(200);
  await seenUntil(claimed.clientId, (it) => it !== undefined);

  /** Whether the vault still has who is to be told of an application. */
  const hasContacts = async ({ id }: typeof left) => {
    const sealed = await sql(`SELECT 1 FROM vault.sealed s JOIN projection.applications a
      ON s.reference = (a.state->'other'->>'contacts')::uuid WHERE a.id = '${id}'`);
    return sealed.length === 1;
  };
  for (const one of [left, young]) while (!(await hasContacts(one))); // nobody tells

  // As if a month had passed.
  const old = [left, claimed].map(({ id }) => `'${id}'`).join(', ');
  await sql(`UPDATE projection.applications
    SET state = jsonb_set(state, '{createdAt}', to_jsonb(to_char(now() - interval '31 days', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')))
    WHERE id IN (${old})`);
  const events = async ({ id }: typeof left) =>
    sql(`SELECT type, actor FROM projection.application_history WHERE application_id = '${id}' ORDER BY version`);
  while ((await events(left)).length < 2) await new Promise((resolve) => setTimeout(resolve, 50)); // nobody tells

  expect((await events(left)).at(-1)).toEqual({ type: 'registration-expired', actor: 'system:unclaimed-clock' });
  expect((await events(claimed)).map(({ type }) => type)).toEqual(['application-registered', 'ownership-transferred']);
  expect((await events(young)).map(({ type }) => type)).toEqual(['application-registered']);
  expect((await claim(left)).status).toBe(404);
  const read = await send(`/oauth/register/${left.clientId}`, { method: 'GET', token: left.token, service: open });
  expect([read.status, read.body['error']]).toEqual([401, 'invalid_token']);
  while (await hasContacts(left)); // nobody tells
  expect([await hasContacts(claimed), await hasContacts(young)]).toEqual([true, true]);
  expect((await claim(young)).status).toBe(200);
});

test('discovery says where', async () => {
  const { body } = await send('/.well-known/oauth-authorization-server', { method: 'GET' });
  expect(body['registration_endpoint']).toBe(`${open.url}/oauth/register`);
});

/** How many commands registration was sent. */
async function commands(): Promise<number> {
  return (await readBytes(own.brokers, `${own.prefix}${topicsOf(registration).commands.name}`)).length;
}

/** Makes every initial access token one that has expired. */
async function forgetTime(): Promise<void> {
  await sql(`UPDATE protocol.initial_access_tokens SET expires_at = now() - interval '1 second'`);
}

async function sql(statement: string): Promise<readonly Json[]> {
  const client = new Client({ connectionString: own.databaseUrl });
  await client.connect();
  try {
    return (await client.query<Json>(statement)).rows;
  } finally {
    await client.end();
  }
}
