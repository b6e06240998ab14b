import { createPrivateKey, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Database, VAULT } from '#host';
import {
  LogSeed,
  SeededApplication,
  startTestService,
  testClient,
  testIssuer,
  type TestIssuer,
  type TestService,
} from '#testing';
import type { Vault } from '#vault';
import { createRemoteJWKSet, exportJWK, generateKeyPair, importJWK, jwtVerify, type JWK } from 'jose';
import { isolate, type Isolation } from '../../../../test/environment/isolation.js';
import { SigningKeys } from '../authorization-server/signing-keys.js';
import { tokenPart } from '../token.part.js';
import { SigningUnavailable, type SigningKey } from './key-service.js';
import { signJwt } from './sign-jwt.js';

/** A key service on loopback, with the calls of docs/adr/0022. */
async function keyService() {
  const keys = new Map<string, { readonly alg: string; readonly jwk: JWK }>();
  const state = { away: false, signatures: 0, strangers: 0 };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const said = JSON.parse(Buffer.concat(await request.toArray()).toString()) as { alg: string; input?: string };
    if (request.headers.authorization !== 'Bearer a-token-of-the-kms') state.strangers++;
    if (state.away) return void response.writeHead(503).end();
    const created = (body: object): void => void response.writeHead(201).end(JSON.stringify(body));
    const [, , id] = request.url?.split('/') ?? [];
    if (id === undefined) {
      const { privateKey, publicKey } = await generateKeyPair(said.alg, { extractable: true });
      const made = `key/${String(keys.size)}`;
      keys.set(made, { alg: said.alg, jwk: await exportJWK(privateKey) });
      return created({ id: made, publicJwk: await exportJWK(publicKey) });
    }
    const found = keys.get(decodeURIComponent(id));
    if (found?.alg !== said.alg) return void response.writeHead(404).end();
    state.signatures++;
    const key = createPrivateKey({ key: { ...found.jwk }, format: 'jwk' });
    const encoding = said.alg === 'ES256' ? ({ dsaEncoding: 'ieee-p1363' } as const) : {};
    const signature = sign('sha256', Buffer.from(said.input ?? '', 'base64url'), { key, ...encoding });
    created({ signature: signature.toString('base64url') });
  };
  const server = createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  const secrets = () => [...keys.values()].map(({ jwk }) => jwk.d ?? '');
  return { url: `http://127.0.0.1:${String(address.port)}`, state, secrets, close };
}

let own: Isolation;
let issuer: TestIssuer;
beforeAll(async () => {
  [own, issuer] = await Promise.all([isolate(), testIssuer()]);
}, 60_000);
afterAll(async () => {
  await issuer.close();
  await own.dispose();
}, 60_000);

const start = (environment: Record<string, string> = {}): Promise<TestService> =>
  startTestService(tokenPart, {
    databaseUrl: own.databaseUrl,
    issuer,
    environment: { KAFKA_BROKERS: own.brokers, KAFKA_TOPIC_PREFIX: own.prefix, ...environment },
  });

/** What signs now, and what is published, by their ids. */
async function ringOf({ app }: TestService) {
  const { accessToken, idToken, published } = await app.get(SigningKeys).ring();
  return { accessToken, idToken, signs: accessToken.kid, published: published.map(({ kid }) => kid) };
}

async function signed(key: SigningKey): Promise<unknown> {
  const token = await signJwt(key, { sub: 'someone' });
  return (await jwtVerify(token, await importJWK(key.publicJwk))).payload.sub;
}

describe('the keys of the authorization server', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await start();
  }, 60_000);
  afterAll(() => service.close(), 60_000);

  /** Makes every key look older. */
  const older = (by: string) =>
    service.app.get(Database).query(`UPDATE vault.signing_keys SET created_at = created_at - interval '${by}'`, []);

  test('stand in the database sealed: no table holds a private part', async () => {
    await service.app.get(SigningKeys).ring();
    const database = service.app.get(Database);
    const references = await database.query<{ sealed: string }>('SELECT sealed FROM vault.signing_keys', []);
    const vault: Vault = service.app.get(VAULT);
    const kept = await vault.openAll(references.map(({ sealed }) => sealed));
    const secrets = [...kept.values()].flatMap((key) =>
      typeof key === 'object' && key !== null
        ? ['d', 'p', 'q', 'k'].flatMap((name) => (name in key ? [String(Reflect.get(key, name))] : []))
        : [],
    );
    expect(secrets.length).toBeGreaterThanOrEqual(3);
    const tables = await database.query<{ name: string }>(
      `SELECT table_schema || '.' || table_name AS name FROM information_schema.tables
       WHERE table_schema IN ('vault', 'protocol', 'projection')`,
      [],
    );
    for (const { name } of tables) {
      const [row] = await database.query<{ all: string | null }>(
        `SELECT string_agg(it::text, '') AS "all" FROM ${name} it`,
        [],
      );
      for (const secret of secrets) expect(row?.all ?? '').not.toContain(secret);
    }
  });

  test('are replaced on a schedule: the next is published before it signs, the last for as long as its tokens live', async () => {
    const before = await ringOf(service);
    await older('31 days');
    const made = await ringOf(service);
    expect(made.signs).toBe(before.signs);
    expect(made.published).toEqual(expect.arrayContaining(before.published));
    expect(made.published).toHaveLength(4);
    await older('11 minutes');
    const after = await ringOf(service);
    expect(before.published).not.toContain(after.signs);
    expect(new Set(after.published)).toEqual(new Set(made.published));
    expect(await signed(after.accessToken)).toBe('someone');
    await older('3 hours');
    const later = await ringOf(service);
    expect([later.signs, later.published.length]).toEqual([after.signs, 2]);
  });

  test('made by two instances at once are the same', async () => {
    const other = await start();
    try {
      await older('31 days');
      const [one, two] = await Promise.all([ringOf(service), ringOf(other)]);
      expect(new Set((await ringOf(service)).published)).toEqual(new Set((await ringOf(other)).published));
      expect(one.signs).toBe(two.signs);
    } finally {
      await other.close();
    }
  });
});

describe('keys that a service holds', () => {
  test('take the place of those that were made here, sign there, and are needed for every token', async () => {
    const kms = await keyService();
    const service = await start({ TOKEN_KMS_URL: kms.url, TOKEN_KMS_TOKEN: 'a-token-of-the-kms' });
    try {
      const database = service.app.get(Database);
      await database.query(`UPDATE vault.signing_keys SET created_at = created_at - interval '31 days'`, []);
      await service.app.get(SigningKeys).ring();
      await database.query(`UPDATE vault.signing_keys SET created_at = created_at - interval '11 minutes'`, []);
      const { accessToken, idToken } = await ringOf(service);
      const before = kms.state.signatures;
      expect([await signed(accessToken), await signed(idToken)]).toEqual(['someone', 'someone']);
      expect([kms.state.signatures - before, kms.state.strangers]).toEqual([2, 0]);
      const references = await database.query<{ sealed: string }>('SELECT sealed FROM vault.signing_keys', []);
      const vault: Vault = service.app.get(VAULT);
      const kept = JSON.stringify([...(await vault.openAll(references.map(({ sealed }) => sealed))).values()]);
      for (const secret of kms.secrets()) expect(kept).not.toContain(secret);
      kms.state.away = true;
      await expect(signed(accessToken)).rejects.toBeInstanceOf(SigningUnavailable);
      // Keys that are due wait for it; those that are known go on.
      await database.query(`UPDATE vault.signing_keys SET created_at = created_at - interval '31 days'`, []);
      expect((await ringOf(service)).signs).toBe(accessToken.kid);
    } finally {
      await service.close();
      await kms.close();
    }
  });

  test('whose service is away: 503 and no token; when it is back, a token that it has signed', async () => {
    const fresh = await isolate();
    const kms = await keyService();
    const log = new LogSeed({
      brokers: fresh.brokers.split(','),
      clientId: 'test',
      prefix: fresh.prefix,
      sink: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    });
    const service = await startTestService(tokenPart, {
      databaseUrl: fresh.databaseUrl,
      issuer,
      environment: {
        KAFKA_BROKERS: fresh.brokers,
        KAFKA_TOPIC_PREFIX: fresh.prefix,
        TOKEN_KMS_URL: kms.url,
        TOKEN_KMS_TOKEN: 'a-token-of-the-kms',
      },
    });
    try {
      const application = new SeededApplication(log, await testClient());
      await application.registered();
      await application.approved(['system/Patient.rs']);
      const ask = async () => {
        const assertion = await application.client.assertion(`${service.url}/oauth/token`);
        const form = application.client.form(assertion, { scope: 'system/Patient.rs' });
        const response = await service.call('/oauth/token', { method: 'POST', body: form });
        const { status, headers } = response;
        const body = (await response.json()) as { access_token?: string; error?: string };
        return { status, retryAfter: headers.get('retry-after'), ...body };
      };
      let answer = await ask();
      for (const giveUp = Date.now() + 30_000; answer.status === 401 && Date.now() < giveUp;) answer = await ask();
      const keys = createRemoteJWKSet(new URL(`${service.url}/oauth/jwks`));
      await expect(jwtVerify(answer.access_token ?? '', keys, { issuer: service.url })).resolves.toBeDefined();
      kms.state.away = true;
      expect(await ask()).toMatchObject({ status: 503, retryAfter: '1', error: 'temporarily_unavailable' });
      kms.state.away = false;
      expect((await ask()).status).toBe(200);
    } finally {
      await service.close();
      await log.close();
      await kms.close();
      await fresh.dispose();
    }
  });
});
