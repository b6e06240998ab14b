import { createServer } from 'node:http';
import type { EffectiveAccess } from '#access';
import { FhirEndpoints } from '#fhir-endpoints';
import type { AdapterPayload, InteractionResults } from 'oidc-provider';
import { AdmittedClients } from '../authenticate-client/admitted-clients.js';
import type { SigningAlgorithm } from '../sign-tokens/key-service.js';
import { localKeys } from '../sign-tokens/local-keys.js';
import { authorizationServer } from './authorization-server.js';

/** What the provider keeps, by model and id. */
const kept = new Map<string, AdapterPayload>();
/** Of the interaction: what the user has decided. */
let decided: InteractionResults | undefined;

const adapterOf = (model: string) => ({
  upsert: async (id: string, payload: AdapterPayload) => void kept.set(`${model} ${id}`, payload),
  find: async (id: string) => {
    const payload = kept.get(`${model} ${id}`);
    return payload && { ...payload, ...(decided === undefined ? {} : { result: decided }) };
  },
  take: async () => undefined,
  findByUid: async () => undefined,
  findByUserCode: async () => undefined,
  consume: async () => {},
  destroy: async () => {},
  revokeByGrantId: async () => {},
});

async function newKey(alg: SigningAlgorithm) {
  const key = localKeys.open(await localKeys.make(alg));
  if (key === undefined) throw new Error('it does not open what it made');
  return key;
}

const open: EffectiveAccess = {
  ...{ applicationId: '019c2f1e-0000-7000-8000-000000000001', clientId: 'app', ownerId: 'owner', name: 'App' },
  ...{
    kind: 'patient-access',
    clientType: 'public',
    purposesOfUse: [],
    status: 'open',
    scopes: ['patient/Patient.rs'],
  },
  ...{ approvalVersion: 1, expiresAt: '2999-01-01T00:00:00.000Z', epoch: 0, keys: [], deadKeyThumbprints: [] },
  ...{ revokedTokens: new Set(), revokedGrants: new Set(), secrets: [], endpoints: ['*'], allowedOrigins: [] },
  redirectUris: ['https://app.example/back'],
};

let url: string;
const server = createServer();
const published = Promise.all([newKey('ES256'), newKey('RS256')]);

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  url = `http://127.0.0.1:${address.port}`;
  const provider = authorizationServer({
    publicUrl: url,
    endpoints: new FhirEndpoints([
      { id: 'default', base: `${url}/fhir`, path: '/fhir', upstream: { url: 'http://127.0.0.1:1' } },
    ]),
    keys: { cookies: ['secret'], published: await published },
    records: { adapter: adapterOf },
    spendLaunch: async () => true,
    shown: async () => undefined,
    clients: new AdmittedClients(
      { holdsLease: () => true, access: { byClientId: (id) => (id === open.clientId ? open : undefined) } },
      { keysNamed: async () => [] },
    ),
    spent: { spend: async () => true },
  });
  const answer = provider.callback();
  server.on('request', (request, response) => void answer(request, response));
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

test('the key set shows the public keys to any origin, and nothing else of them', async () => {
  const response = await fetch(`${url}/oauth/jwks`, { headers: { origin: 'https://anyone.example' } });
  const { keys } = (await response.json()) as { keys: readonly object[] };
  expect(response.headers.get('access-control-allow-origin')).toMatch(/^(\*|https:\/\/anyone\.example)$/);
  expect(keys).toEqual((await published).map(({ publicJwk }) => publicJwk));
  for (const key of keys) expect(key).not.toHaveProperty('d');
});

test.each(['authorization_code', 'refresh_token'])(
  'the provider’s own token endpoint brings nothing for %s, should a request come to it',
  async (grant) => {
    const body = new URLSearchParams({ grant_type: grant, client_id: open.clientId, code: 'x', refresh_token: 'x' });
    const response = await fetch(`${url}/oauth/token`, { method: 'POST', body });
    expect([response.status, await response.json()]).toMatchObject([400, { error: 'unsupported_grant_type' }]);
  },
);

test('of a whole authorization it keeps the request while it is under way, and the code: who is signed in is not its to keep', async () => {
  const asked = new URLSearchParams({
    ...{ client_id: open.clientId, response_type: 'code', redirect_uri: 'https://app.example/back', state: 's' },
    ...{
      aud: `${url}/fhir`,
      scope: 'patient/Patient.rs',
      code_challenge: 'x'.repeat(43),
      code_challenge_method: 'S256',
    },
  });
  const begun = await fetch(`${url}/oauth/authorize?${asked.toString()}`, { redirect: 'manual' });
  const uid = /^\/oauth\/interaction\/(.+)$/.exec(begun.headers.get('location') ?? '')?.[1] ?? '';
  const cookie = begun.headers
    .getSetCookie()
    .map((each) => each.split(';', 1)[0])
    .join('; ');
  decided = {
    login: { accountId: 'user', remember: false },
    consent: {},
    agreed: { grantId: 'grant', userId: 'user' },
  };
  const ended = await fetch(`${url}/oauth/authorize/${uid}`, { headers: { cookie }, redirect: 'manual' });
  expect(ended.headers.get('location')).toMatch(/^https:\/\/app\.example\/back\?code=/);
  expect([...kept.keys()].map((key) => key.split(' ', 1)[0])).toEqual(['Interaction', 'AuthorizationCode']);
});
