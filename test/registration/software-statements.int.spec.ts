import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestService, testIssuer, type TestIssuer, type TestService } from '#testing';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';
import { approvalPart } from '../../apps/approval/src/approval.part.js';
import { registrationPart } from '../../apps/registration/src/registration.part.js';
import { tokenPart } from '../../apps/token/src/token.part.js';
import { isolate, type Isolation } from '../environment/isolation.js';

type Json = Record<string, unknown>;

const directory = 'https://directory.example.org';
const published = 'https://other-directory.example.org';

let own: Isolation;
let issuer: TestIssuer;
let service: TestService;
let folder: string;
let keys: Server;
/** What the other directory answers where its keys are. */
let keysStatus: number;
let key: { readonly jwk: JWK; readonly privateKey: CryptoKey };
let fetches: number;

beforeAll(async () => {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  key = { jwk: { ...(await exportJWK(publicKey)), kid: 'k1' }, privateKey };
  keys = createServer((_request, response) => {
    fetches++;
    response.writeHead(keysStatus, { 'cache-control': 'no-store' }).end(JSON.stringify({ keys: [key.jwk] }));
  });
  await new Promise<void>((resolve) => keys.listen(0, '127.0.0.1', resolve));
  const { port } = keys.address() as AddressInfo;
  folder = mkdtempSync(join(tmpdir(), 'statements-'));
  const file = join(folder, 'issuers.json');
  const issuers = [
    { issuer: directory, jwks: { keys: [key.jwk] } },
    { issuer: published, jwksUri: `http://127.0.0.1:${port}/jwks` },
  ];
  writeFileSync(file, JSON.stringify({ issuers }));
  [own, issuer] = await Promise.all([isolate(), testIssuer()]);
  const parts = [registrationPart, approvalPart, tokenPart];
  service = await startTestService(
    { name: 'gatehouse', defaultPort: 8080, parts },
    {
      databaseUrl: own.databaseUrl,
      issuer,
      environment: {
        KAFKA_BROKERS: own.brokers,
        KAFKA_TOPIC_PREFIX: own.prefix,
        TOKEN_STATEMENT_ISSUERS: file,
        TOKEN_JWKS_ALLOW_LOOPBACK: '1',
      },
    },
  );
}, 90_000);

afterAll(async () => {
  await service.close();
  await new Promise((resolve) => keys.close(resolve));
  rmSync(folder, { recursive: true });
  await Promise.all([own.dispose(), issuer.close()]);
}, 60_000);

beforeEach(() => {
  keysStatus = 200;
  fetches = 0;
});

const metadata = {
  client_name: 'Growth chart',
  redirect_uris: ['https://app.example/back'],
  scope: 'launch/patient patient/Patient.rs',
  token_endpoint_auth_method: 'none',
};
const vouched = {
  software_id: 'diary-7',
  client_name: 'Diary',
  redirect_uris: ['https://diary.example/back'],
  contacts: ['somebody@diary.example'],
};

function statement(claims: Json = vouched, header: Json = {}): Promise<string> {
  return new SignJWT({ iss: directory, ...claims })
    .setProtectedHeader({ alg: 'ES256', kid: 'k1', ...header })
    .sign(key.privateKey);
}

async function send(path: string, token: string | undefined, json?: Json, method = 'POST') {
  const response = await service.call(path, {
    method,
    ...(json === undefined ? {} : { json }),
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  });
  return { status: response.status, body: (await response.json()) as Json };
}

async function byDora(path: string, json?: Json, method?: string) {
  const [, token] = (await issuer.bearer('dora', 'developer')).authorization.split(' ');
  return send(path, token, json, method);
}

async function initialToken(): Promise<string> {
  return String((await byDora('/oauth/initial-access-tokens', {})).body['token']);
}

async function register(more: Json, token?: string) {
  return send('/oauth/register', token ?? (await initialToken()), { ...metadata, ...more });
}

/** The application as its owner sees it, as soon as it is as a test waits for. */
async function seenUntil(clientId: unknown, holds: (application: Json) => boolean): Promise<Json> {
  for (;;) {
    const { body } = await byDora('/registration/applications?limit=100', undefined, 'GET');
    const found = (body['items'] as Json[]).find((item) => item['clientId'] === clientId);
    if (found !== undefined && holds(found)) return found;
  }
}

describe('a client whose software somebody vouches for (RFC 7591)', () => {
  test('[RFC 7591 §2.3] is what the statement says, and where that is silent what it says itself', async () => {
    const software_statement = await statement();
    const { status, body } = await register({ software_statement, policy_uri: 'https://app.example/privacy' });
    expect([status, body]).toEqual([
      201,
      expect.objectContaining({
        software_statement,
        software_id: 'diary-7',
        client_name: 'Diary',
        redirect_uris: ['https://diary.example/back'],
        scope: metadata.scope,
        policy_uri: 'https://app.example/privacy',
      }),
    ]);
    const application = await seenUntil(body['client_id'], () => true);
    expect(application).toMatchObject({
      status: 'submitted',
      name: 'Diary',
      redirectUris: ['https://diary.example/back'],
      contacts: ['somebody@diary.example'],
      softwareStatement: { issuer: directory, softwareId: 'diary-7', vouchesFor: ['name', 'redirectUris'] },
    });
    // Neither the statement nor the people whom it names.
    expect(JSON.stringify({ ...application, contacts: undefined })).not.toMatch(/somebody@|eyJ/);
  });

  test('[RFC 7591 §2.3] is told to reviewers with who vouches for what', async () => {
    const { body } = await register({ software_statement: await statement() });
    const { id } = await seenUntil(body['client_id'], ({ status }) => status === 'submitted');
    const reviewer = await issuer.bearer('rita', 'reviewer');
    for (let review: Json | undefined; review === undefined;) {
      const response = await service.call(`/approval/reviews?applicationId=${String(id)}`, { headers: reviewer });
      [review] = ((await response.json()) as { readonly items: Json[] }).items;
      if (review !== undefined)
        expect(review['application']).toMatchObject({ softwareStatement: { issuer: directory } });
    }
  });

  test('[RFC 7591 §2.3] by keys that its issuer publishes', async () => {
    const { status, body } = await register({ software_statement: await statement({ ...vouched, iss: published }) });
    expect([status, body['client_name'], fetches]).toEqual([201, 'Diary', 1]);
  });

  test('[RFC 7591 §2.3] is held to the rules of registration as any other', async () => {
    const software_statement = await statement({ ...vouched, redirect_uris: ['http://diary.example/back'] });
    expect(await register({ software_statement })).toMatchObject({
      status: 400,
      body: { error: 'invalid_redirect_uri' },
    });
  });

  test.each<[string, () => unknown, string]>([
    [
      'by another issuer',
      () => statement({ ...vouched, iss: 'https://evil.example' }),
      'unapproved_software_statement',
    ],
    ['that has expired', () => statement({ ...vouched, exp: 1 }), 'invalid_software_statement'],
    ['by another key', () => statement(vouched, { kid: 'k9' }), 'invalid_software_statement'],
    ['that is an access token', () => statement(vouched, { typ: 'at+jwt' }), 'invalid_software_statement'],
    ['that is none', () => 'a.b.c', 'invalid_software_statement'],
    ['that is no text', () => ({ iss: directory }), 'invalid_software_statement'],
  ])(
    '[RFC 7591 §3.2.2] is refused by a statement %s, and its token is as good as before',
    async (_what, made, error) => {
      const token = await initialToken();
      expect(await register({ software_statement: await made() }, token)).toMatchObject({
        status: 400,
        body: { error },
      });
      expect((await register({}, token)).status).toBe(201);
    },
  );

  test('while the keys cannot be had it is told to try again, and its token is as good as before', async () => {
    keysStatus = 500;
    const token = await initialToken();
    const software_statement = await statement({ ...vouched, iss: published });
    expect(await register({ software_statement }, token)).toMatchObject({
      status: 503,
      body: { error: 'temporarily_unavailable' },
    });
    keysStatus = 200;
    expect((await register({ software_statement }, token)).status).toBe(201);
  });

  test('whoever has no token that counts makes us fetch nothing', async () => {
    const software_statement = await statement({ ...vouched, iss: published });
    for (const token of [undefined, 'nobody-gave-this'])
      expect((await send('/oauth/register', token, { ...metadata, software_statement })).status).toBe(401);
    expect(fetches).toBe(0);
  });
});

describe('what becomes of it', () => {
  async function registered() {
    const { body } = await register({ software_statement: await statement() });
    const { id } = await seenUntil(body['client_id'], () => true);
    return {
      clientId: String(body['client_id']),
      id: String(id),
      token: String(body['registration_access_token']),
    };
  }

  test('[RFC 7592 §2.2] an update brings it anew, and is overruled by it', async () => {
    const { clientId, token } = await registered();
    const software_statement = await statement({ ...vouched, client_name: 'Diary II' });
    const json = { ...metadata, client_id: clientId, software_statement };
    const { body } = await send(`/oauth/register/${clientId}`, token, json, 'PUT');
    expect(body).toMatchObject({ software_statement, client_name: 'Diary II', redirect_uris: vouched.redirect_uris });
  });

  test('[RFC 7592 §2.2] an update without it is vouched for by nobody', async () => {
    const { clientId, token } = await registered();
    const json = { ...metadata, client_id: clientId };
    const { body } = await send(`/oauth/register/${clientId}`, token, json, 'PUT');
    expect([body['client_name'], body['software_id']]).toEqual(['Growth chart', undefined]);
    const application = await seenUntil(clientId, ({ name }) => name === 'Growth chart');
    expect(application).not.toHaveProperty('softwareStatement');
  });

  test('its owner changes what stands in it, and nobody vouches for it any more; none of them writes it', async () => {
    const { id } = await registered();
    const path = `/registration/applications/${id}`;
    const softwareStatement = { issuer: directory, sha256: 'a'.repeat(64), vouchesFor: ['name'] };
    expect((await byDora(path, { softwareStatement }, 'PATCH')).status).toBe(400);
    const kept = await byDora(path, { description: 'Draws.' }, 'PATCH');
    expect(kept.body).toMatchObject({ softwareStatement: { issuer: directory } });
    const changed = await byDora(path, { redirectUris: ['https://evil.example/back'] }, 'PATCH');
    expect(changed).toMatchObject({ status: 200, body: { redirectUris: ['https://evil.example/back'] } });
    expect(changed.body).not.toHaveProperty('softwareStatement');
  });
});
