import { createServer } from 'node:http';
import { type EffectiveAccess, KnownOrigins, originsOf } from '#access';
import type { ActivityRecord } from '#contracts';
import { NotAppended } from '#event-log';
import { type FhirEndpoint, FhirEndpoints } from '#fhir-endpoints';
import { DatabaseUnavailable } from '#host';
import { testClient, type TestClient } from '#testing';
import { importJWK, jwtVerify } from 'jose';
import { AdmittedClients } from '../authenticate-client/admitted-clients.js';
import { ClientAuthentication } from '../authenticate-client/client-authentication.js';
import { issueToken } from '../issue-token/issue-token.js';
import { TokenFacts } from '../issue-token/token-facts.js';
import type { SigningAlgorithm, SigningKey } from '../sign-tokens/key-service.js';
import { localKeys } from '../sign-tokens/local-keys.js';
import { servedGrants } from './served-grants.js';
import { tokenRequests } from './token-requests.js';

const scopes = ['system/Patient.rs', 'system/Observation.rs?category=laboratory'];
let client: TestClient;
let signing: SigningKey;
let access: EffectiveAccess;
/** What the log would do with the next fact. */
let append: (record: ActivityRecord) => Promise<void>;
let leased: boolean;
let databaseAway: boolean;
let recorded: ActivityRecord[];
let url: string;
/** The FHIR endpoints there are; a test may serve others. */
const served: FhirEndpoint[] = [];
let close: () => Promise<unknown>;

beforeAll(async () => {
  signing = await newKey('ES256');
});

beforeEach(async () => {
  client = await testClient('exporter');
  access = openAccess();
  leased = true;
  recorded = [];
  append = async () => {};
  const spent = new Set<string>();
  databaseAway = false;
  const point = {
    holdsLease: () => leased,
    access: { byClientId: (id: string) => (id === access.clientId ? access : undefined) },
  };
  const activity = {
    append: async (record: ActivityRecord) => {
      await append(record);
      recorded.push(record);
      return { id: 'r', position: { topic: 'gatehouse.activity', partition: 0, offset: 0n } };
    },
  };
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  url = `http://127.0.0.1:${address.port}`;
  served.splice(0, Infinity, endpointAt('default', '/fhir'));
  const clients = new AdmittedClients(point, { keysNamed: async () => [] });
  const once = {
    spend: async ({ id }: { readonly id: string }) => {
      if (databaseAway) throw new DatabaseUnavailable();
      return !spent.has(id) && spent.add(id).has(id);
    },
  };
  const facts = new TokenFacts(activity, { warn: () => {} });
  const answer = tokenRequests({
    publicUrl: url,
    clients,
    origins: new KnownOrigins({
      isOriginOfAny: (origin) => access.status === 'open' && originsOf(access).includes(origin),
    }),
    authentication: new ClientAuthentication(clients, once, [url, `${url}/oauth/token`]),
    shown: async () => undefined,
    facts,
    grants: servedGrants({
      itself: issueToken({ issuer: url, key: signing, clients, facts, endpoints: new FhirEndpoints(served) }),
      code: notAsked,
      refresh: notAsked,
    }),
    onFailure: (error) => expect(error).toBeUndefined(),
  });
  server.on('request', (request, response) => void answer(request, response, '127.0.0.1'));
  close = () => new Promise((resolve) => server.close(resolve));
});
afterEach(() => close());

const endpointAt = (id: string, path: string): FhirEndpoint => ({
  ...{ id, path, base: url + path },
  upstream: { url: `https://ehr.example/${id}` },
});

async function newKey(alg: SigningAlgorithm): Promise<SigningKey> {
  const key = localKeys.open(await localKeys.make(alg));
  if (key === undefined) throw new Error('it does not open what it made');
  return key;
}

const notAsked = async () => {
  throw new Error('nobody asks for it here');
};
function openAccess(): EffectiveAccess {
  return {
    applicationId: '019c2f1e-0000-7000-8000-000000000001',
    clientId: client.clientId,
    ownerId: 'owner',
    name: 'Exporter',
    kind: 'backend',
    clientType: 'confidential-asymmetric',
    purposesOfUse: [],
    status: 'open',
    scopes,
    approvalVersion: 3,
    expiresAt: '2999-01-01T00:00:00.000Z',
    epoch: 2,
    keys: [client.key],
    deadKeyThumbprints: [],
    revokedTokens: new Set(),
    revokedGrants: new Set(),
    secrets: [],
    redirectUris: [],
    allowedOrigins: [],
    endpoints: ['*'],
  };
}

const closed = (): EffectiveAccess => ({ ...access, status: 'closed', why: 'suspended', scopes: [] });
const ask = (body: URLSearchParams) => fetch(`${url}/oauth/token`, { method: 'POST', body });
interface TokenAnswer {
  readonly error?: string;
  readonly access_token: string;
  readonly scope: string;
  readonly expires_in: number;
}
const answerOf = async (response: Response): Promise<TokenAnswer> => (await response.json()) as TokenAnswer;
const ahead = (seconds: number) => Math.floor(Date.now() / 1000) + seconds;

async function askWith(assertion: string, scope = 'system/Patient.rs'): Promise<Response> {
  return ask(client.form(assertion, { scope }));
}

describe('a token for a client whose access is open', () => {
  test('does what is approved and says on what it rests', async () => {
    const response = await askWith(await client.assertion(`${url}/oauth/token`), 'system/*.read');
    expect([response.status, response.headers.get('cache-control'), response.headers.get('pragma')]).toEqual([
      200,
      'no-store',
      'no-cache',
    ]);
    const body = await answerOf(response);
    expect(body).toMatchObject({ token_type: 'Bearer', expires_in: 300, scope: expect.any(String) });
    const { payload, protectedHeader } = await jwtVerify(body.access_token, await importJWK(signing.publicJwk), {
      issuer: url,
      audience: `${url}/fhir`,
    });
    expect(protectedHeader).toEqual({ alg: 'ES256', typ: 'at+jwt', kid: signing.kid });
    expect(payload).toMatchObject({
      client_id: 'exporter',
      sub: 'exporter',
      scope: body.scope,
      jti: expect.any(String),
      gatehouse_application: access.applicationId,
      gatehouse_approval_version: 3,
      gatehouse_epoch: 2,
      gatehouse_key: client.key.thumbprint,
    });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(300);
    expect(body.scope.split(' ').sort()).toEqual(['system/Observation.rs?category=laboratory', 'system/Patient.read']);
    expect(recorded).toEqual([
      expect.objectContaining({
        type: 'token-issued',
        data: expect.objectContaining({ tokenId: payload.jti, epoch: 2, approvalVersion: 3 }),
      }),
    ]);
  });

  test('the issuer will do as the assertion’s audience, and an RSA key as its key', async () => {
    client = await testClient('exporter', 'RS384');
    access = { ...access, keys: [client.key] };
    expect((await askWith(await client.assertion(url))).status).toBe(200);
  });

  test('does not outlive the approval', async () => {
    access = { ...access, expiresAt: new Date(Date.now() + 30_000).toISOString() };
    const { expires_in: life } = await answerOf(await askWith(await client.assertion(url)));
    expect(life).toBeLessThanOrEqual(30);
  });
});

describe('no token', () => {
  test.each([
    ['nothing of it is approved', 'system/Encounter.rs'],
    ['it asks for a patient', 'patient/Patient.rs'],
    ['it cannot be read', 'system/Patient.sr'],
    ['it asks for nothing', ''],
  ])('where %s: invalid_scope', async (_why, scope) => {
    const response = await askWith(await client.assertion(url), scope);
    expect([response.status, (await answerOf(response)).error]).toEqual([400, 'invalid_scope']);
  });

  test('where the access is closed, and the answer does not say why', async () => {
    access = closed();
    const response = await askWith(await client.assertion(url));
    expect([response.status, await response.json()]).toEqual([
      401,
      { error: 'invalid_client', error_description: 'client authentication failed' },
    ]);
  });

  test('for a client that nobody knows', async () => {
    const stranger = await testClient('stranger');
    const response = await ask(stranger.form(await stranger.assertion(url), { scope: 'system/Patient.rs' }));
    expect([response.status, (await answerOf(response)).error]).toEqual([401, 'invalid_client']);
    expect(recorded).toEqual([
      expect.objectContaining({ type: 'token-refused', data: expect.objectContaining({ clientId: 'stranger' }) }),
    ]);
  });

  const attacks: [string, () => Promise<string>][] = [
    ['an assertion without kid', () => client.assertion(url, {}, { kid: undefined })],
    ['one without typ', () => client.assertion(url, {}, { typ: undefined })],
    ['a kid that is not registered', () => client.assertion(url, {}, { kid: 'other' })],
    ['one that expires too late', () => client.assertion(url, { exp: ahead(400) })],
    ['one that has expired', () => client.assertion(url, { exp: ahead(-60) })],
    ['another audience', () => client.assertion('https://elsewhere.example/token')],
    ['the FHIR base as audience', () => client.assertion(`${url}/fhir`)],
    ['another issuer than subject', () => client.assertion(url, { iss: 'somebody' })],
    ['one without jti', () => client.assertion(url, { jti: '' })],
    ['another’s signature', async () => (await testClient('exporter')).assertion(url)],
    ['an access token’s type', () => client.assertion(url, {}, { typ: 'at+jwt' })],
  ];
  test.each(attacks)('for %s', async (_attack, assertion) => {
    const response = await askWith(await assertion());
    expect([response.status, (await answerOf(response)).error]).toEqual([401, 'invalid_client']);
  });

  test('for an RS256 assertion, though its key is registered', async () => {
    client = await testClient('exporter', 'RS256');
    access = { ...access, keys: [client.key] };
    expect((await askWith(await client.assertion(url))).status).toBe(401);
  });

  test('for an assertion that was used', async () => {
    const assertion = await client.assertion(url);
    expect((await askWith(assertion)).status).toBe(200);
    expect((await askWith(assertion)).status).toBe(401);
  });

  test('for a compromised key', async () => {
    access = { ...access, deadKeyThumbprints: [client.key.thumbprint] };
    expect((await askWith(await client.assertion(url))).status).toBe(401);
  });

  test.each([
    ['a grant that nobody has', { grant_type: 'password' }, 400, 'unsupported_grant_type'],
    ['a grant of users', { grant_type: 'authorization_code' }, 400, 'unauthorized_client'],
    ['a grant that every object has', { grant_type: 'constructor' }, 400, 'unsupported_grant_type'],
    ['no grant', { grant_type: '' }, 400, 'invalid_request'],
    ['another assertion type', { client_assertion_type: 'urn:x' }, 400, 'invalid_request'],
    ['a client_id that is not the subject', { client_id: 'other' }, 400, 'invalid_request'],
  ])('for %s', async (_why, fields, status, error) => {
    const response = await ask(client.form(await client.assertion(url), { scope: 'system/Patient.rs', ...fields }));
    expect([response.status, (await answerOf(response)).error]).toEqual([status, error]);
  });
});

describe('with several FHIR endpoints', () => {
  beforeEach(() => served.splice(0, Infinity, endpointAt('north', '/fhir/north'), endpointAt('south', '/fhir/south')));
  const askFor = async (resource?: string) => {
    const fields = { scope: 'system/Patient.rs', ...(resource === undefined ? {} : { resource }) };
    return answerOf(await ask(client.form(await client.assertion(url), fields)));
  };
  const audienceOf = async ({ access_token: token }: TokenAnswer) =>
    (await jwtVerify(token, await importJWK(signing.publicJwk), { issuer: url })).payload.aud;

  test.each(['north', 'south'])('a token is for the one that resource names: %s', async (id) => {
    expect(await audienceOf(await askFor(`${url}/fhir/${id}`))).toBe(`${url}/fhir/${id}`);
    expect(recorded).toMatchObject([{ data: { endpoint: id, audience: `${url}/fhir/${id}` } }]);
  });

  test('without one it is for the only one that is approved', async () => {
    access = { ...access, endpoints: ['south'] };
    expect(await audienceOf(await askFor())).toBe(`${url}/fhir/south`);
  });

  test('nobody guesses which of several is meant', async () => {
    expect(await askFor()).toMatchObject({ error: 'invalid_target' });
  });

  test.each(['/fhir', '/fhir/west', '/fhir/north/Patient'])('%s is none of them', async (path) => {
    expect(await askFor(url + path)).toMatchObject({ error: 'invalid_target' });
  });

  test('there is none for one that the approval does not cover', async () => {
    access = { ...access, endpoints: ['south'] };
    expect(await askFor(`${url}/fhir/north`)).toMatchObject({ error: 'invalid_scope' });
    access = { ...access, endpoints: ['elsewhere'] };
    expect(await askFor()).toMatchObject({ error: 'invalid_scope' });
  });
});

describe('503 and no token', () => {
  async function expectUnavailable(response: Response): Promise<void> {
    expect([response.status, response.headers.get('retry-after'), response.headers.get('cache-control')]).toEqual([
      503,
      '1',
      'no-store',
    ]);
    expect(await response.json()).toEqual({ error: 'temporarily_unavailable', error_description: expect.any(String) });
  }

  test('without a lease', async () => {
    leased = false;
    await expectUnavailable(await askWith(await client.assertion(url)));
  });

  test('without the log’s acknowledgement', async () => {
    append = () => Promise.reject(new NotAppended('no broker'));
    await expectUnavailable(await askWith(await client.assertion(url)));
  });

  test('where nobody can say whether the assertion was used before', async () => {
    databaseAway = true;
    await expectUnavailable(await askWith(await client.assertion(url)));
    expect(recorded).toEqual([]);
  });

  test('when the lease ran out while the log was waited for', async () => {
    append = async () => {
      leased = false;
    };
    await expectUnavailable(await askWith(await client.assertion(url)));
  });

  test('and when access was closed meanwhile: 401', async () => {
    append = async () => {
      access = closed();
    };
    expect((await askWith(await client.assertion(url))).status).toBe(401);
  });
});

describe('pages of browsers', () => {
  const mine = 'https://app.example';
  const allowedIn = ({ headers }: Response) => headers.get('access-control-allow-origin');
  const preflight = (origin: string) =>
    fetch(`${url}/oauth/token`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'dpop' },
    });
  beforeEach(() => {
    access = { ...access, redirectUris: [`${mine}/cb`, 'com.example.app:/cb'] };
  });

  test.each([
    [mine, 200, mine],
    ['null', 400, null],
    ['https://evil.example', 400, null],
  ])(
    'of %s, of an application with a scheme of its own too: %i, which %s may read',
    async (origin, status, allowed) => {
      const body = client.form(await client.assertion(`${url}/oauth/token`), { scope: 'system/Patient.rs' });
      const response = await fetch(`${url}/oauth/token`, { method: 'POST', body, headers: { origin } });
      expect([response.status, allowedIn(response), response.headers.get('vary')]).toEqual([status, allowed, 'Origin']);
      expect(response.headers.get('access-control-allow-credentials')).toBeNull();
    },
  );

  test('are let in by a preflight, which has no token and names nobody, where they are those of any application', async () => {
    const own = await preflight(mine);
    expect([own.status, allowedIn(own), own.headers.get('access-control-allow-methods')]).toEqual([204, mine, 'POST']);
    expect(own.headers.get('access-control-allow-headers')).toMatch(/dpop/i);
    for (const origin of ['https://evil.example', 'null', `${mine}.evil.example`]) {
      const other = await preflight(origin);
      expect([other.status, allowedIn(other), other.headers.get('vary')]).toEqual([204, null, 'Origin']);
      expect(other.headers.get('access-control-allow-headers')).toBeNull();
    }
  });

  test('are not let in by a preflight where the access of their application is closed', async () => {
    access = closed();
    expect(allowedIn(await preflight(mine))).toBeNull();
  });

  test.each([
    ['a client that nobody knows', 'client_id=nobody&client_secret=x', 401],
    ['no client at all', '', 401],
    ['a form with its client twice', 'client_id=a&client_id=b', 400],
  ])('read the error about %s where they are those of any application', async (_what, form, status) => {
    const ask = (origin: string) =>
      fetch(`${url}/oauth/token`, { method: 'POST', body: new URLSearchParams(form), headers: { origin } });
    const [own, other] = [await ask(mine), await ask('https://evil.example')];
    expect([own.status, allowedIn(own), other.status, allowedIn(other)]).toEqual([status, mine, status, null]);
    expect(other.headers.get('access-control-expose-headers')).toBeNull();
  });
});

describe('a request that is none', () => {
  const raw = (body: string, headers: Record<string, string> = { 'content-type': form }, path = '/oauth/token') =>
    fetch(url + path, { method: 'POST', body, headers });
  const form = 'application/x-www-form-urlencoded';

  test.each([
    ['an empty one', '', { 'content-type': form }, 401, 'invalid_client'],
    ['JSON', '{}', { 'content-type': 'application/json' }, 400, 'invalid_request'],
    ['a form that nobody sends', `scope=${'x'.repeat(60_000)}`, { 'content-type': form }, 400, 'invalid_request'],
    ['a client named twice', 'client_id=a&client_id=b', { 'content-type': form }, 400, 'invalid_request'],
    ['a bad header', '', { 'content-type': form, authorization: 'Basic ///' }, 400, 'invalid_request'],
    ['two ways', 'client_secret=a', { 'content-type': form, authorization: 'Basic YTpi' }, 400, 'invalid_request'],
  ])('%s is answered as RFC 6749, 5.2, has it', async (_what, body, headers, status, error) => {
    const response = await raw(body, headers);
    expect([response.status, await response.json()]).toEqual([status, expect.objectContaining({ error })]);
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  test('a form that does not say how long it is, and does not end, is not read to its end', async () => {
    const endless = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(10_000).fill(97)) });
    const request = new Request(`${url}/oauth/token`, {
      method: 'POST',
      body: endless,
      headers: { 'content-type': form },
      duplex: 'half',
    });
    const answered = await fetch(request).then(
      ({ status }) => status,
      () => 'cut off',
    );
    expect([400, 'cut off']).toContain(answered);
  });

  test('who authenticated by a header is told by one', async () => {
    const response = await raw('', { 'content-type': form, authorization: `Basic ${btoa('nobody:x')}` });
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, `Basic realm="${url}"`]);
  });

  test.each([
    ['GET', '/oauth/token', 405],
    ['POST', '/oauth/token/x', 404],
  ])('%s %s is %i', async (method, path, status) => {
    const response = await fetch(url + path, { method });
    expect([response.status, await response.json()]).toMatchObject([status, { error: 'invalid_request' }]);
  });
});
