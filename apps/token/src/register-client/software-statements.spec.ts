import { createHash } from 'node:crypto';
import fc from 'fast-check';
import {
  CompactSign,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  SignJWT,
  UnsecuredJWT,
  type CryptoKey,
  type JWK,
} from 'jose';
import { NotServing } from '../authenticate-client/admitted-clients.js';
import { FetchRefused } from '../authenticate-client/guarded-fetch.js';
import { RemoteKeySets } from '../authenticate-client/remote-key-sets.js';
import { OAuthError } from '../answer-oauth/oauth-error.js';
import { SoftwareStatements } from './software-statements.js';

const publicUrl = 'https://gatehouse.example';
const [inline, published] = ['https://directory.example', 'https://other-directory.example'];
const now = () => Math.floor(Date.now() / 1000);

interface Signer {
  readonly jwk: JWK & { readonly kid: string; readonly kty: 'EC' };
  readonly publicKey: CryptoKey;
  readonly privateKey: CryptoKey;
}

async function signer(kid: string): Promise<Signer> {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  return { publicKey, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, kty: 'EC', alg: 'ES256' } };
}

let key: Signer;
let otherKey: Signer;
let strangers: Signer;
/** What the other issuer publishes, and which addresses were fetched. */
let body: string | undefined;
let fetched: string[];
let statements: SoftwareStatements;

beforeAll(async () => {
  [key, otherKey, strangers] = await Promise.all([signer('k1'), signer('k2'), signer('k1')]);
});
beforeEach(() => {
  body = JSON.stringify({ keys: [otherKey.jwk] });
  fetched = [];
  const fetcher = {
    json: async (address: string) => {
      fetched.push(address);
      if (body === undefined) throw new FetchRefused('it answered 500');
      return { body, cacheControl: undefined };
    },
  };
  statements = new SoftwareStatements(
    [
      { issuer: inline, jwks: { keys: [key.jwk] } },
      { issuer: published, jwksUri: `${published}/jwks` },
    ],
    new RemoteKeySets(fetcher),
    [publicUrl, `${publicUrl}/oauth/register`],
  );
});

const claims = { iss: inline, software_id: 'diary-7', client_name: 'Diary' };
type Json = Readonly<Record<string, unknown>>;

function signed(payload: Json = {}, header: Json = {}, by = key, crit: Record<string, boolean> = {}): Promise<string> {
  return new SignJWT({ ...claims, ...payload })
    .setProtectedHeader({ alg: 'ES256', kid: 'k1', ...header })
    .sign(by.privateKey, { crit });
}

/** Signed by a symmetric algorithm, with whatever is public as the secret (RFC 8725, 2.1). */
async function signedWith(secret: string): Promise<string> {
  return new CompactSign(Buffer.from(JSON.stringify(claims)))
    .setProtectedHeader({ alg: 'HS256', kid: 'k1' })
    .sign(Buffer.from(secret));
}

async function refusal(statement: unknown): Promise<unknown> {
  try {
    await statements.believe(statement);
    return 'it was believed';
  } catch (error) {
    if (error instanceof OAuthError) return [error.status, error.code];
    throw error;
  }
}

const isInvalid = [400, 'invalid_software_statement'];
const isUnapproved = [400, 'unapproved_software_statement'];

describe('a software statement (RFC 7591)', () => {
  test('[RFC 7591 §2.3] of a configured issuer is believed, and known by its digest', async () => {
    const statement = await signed({ exp: now() + 60, iat: now(), aud: `${publicUrl}/oauth/register` });
    expect(await statements.believe(statement)).toEqual({
      issuer: inline,
      softwareId: 'diary-7',
      sha256: createHash('sha256').update(statement).digest('hex'),
      claims: expect.objectContaining({ client_name: 'Diary' }),
    });
    expect(fetched).toEqual([]);
  });

  test('[RFC 7591 §2.3] by keys that its issuer publishes, fetched once', async () => {
    const statement = await signed({ iss: published, software_id: undefined }, { kid: 'k2', typ: 'JWT' }, otherKey);
    for (const _time of [1, 2]) expect(await statements.believe(statement)).toMatchObject({ issuer: published });
    expect(fetched).toEqual([`${published}/jwks`]);
  });

  test('[RFC 7591 §3.2.2] whose issuer’s keys cannot be had now is asked for again', async () => {
    body = undefined;
    const statement = await signed({ iss: published }, { kid: 'k2' }, otherKey);
    await expect(statements.believe(statement)).rejects.toThrow(NotServing);
  });

  const unapproved: [string, () => Promise<string>][] = [
    ['of an issuer that is not configured', () => signed({ iss: 'https://evil.example' })],
    ['of an issuer that begins as one of ours does', () => signed({ iss: `${inline}.evil.example` })],
    ['of one of ours with a slash more', () => signed({ iss: `${inline}/` })],
    ['of one of ours in capitals', () => signed({ iss: inline.toUpperCase() })],
    ['of an issuer that every object has', () => signed({ iss: '__proto__' })],
  ];
  test.each(unapproved)('[RFC 7591 §3.2.2] %s is not approved, and nothing is fetched for it', async (_what, made) => {
    expect(await refusal(await made())).toEqual(isUnapproved);
    expect(fetched).toEqual([]);
  });

  const invalid: [string, () => Promise<unknown>][] = [
    ['with no signature: alg none', async () => new UnsecuredJWT(claims).encode()],
    ['with no signature, under the header of one', async () => `${(await signed()).split('.').slice(0, 2).join('.')}.`],
    ['by HS256 with the public key in PEM', async () => signedWith(await exportSPKI(key.publicKey))],
    ['by HS256 with the public key as a JWK', () => signedWith(JSON.stringify(key.jwk))],
    ['by HS256 with the x of the public key', () => signedWith(key.jwk.x ?? '')],
    ['by a key of a stranger’s under a kid of the issuer’s', () => signed({}, {}, strangers)],
    ['by the key of another issuer of ours', () => signed({}, { kid: 'k2' }, otherKey)],
    ['by the key of one issuer in the name of another', () => signed({ iss: published }, { kid: 'k1' })],
    ['by a key that its header brings', () => signed({}, { jwk: strangers.jwk }, strangers)],
    ['by a key that its header points to', () => signed({}, { jku: 'https://evil.example/jwks' }, strangers)],
    ['by a certificate that its header points to', () => signed({}, { x5u: 'https://evil.example/x5c' }, strangers)],
    ['by a kid that is not there', () => signed({}, { kid: 'k9' })],
    ['without a kid', () => signed({}, { kid: undefined })],
    [
      'with a header that must be understood',
      () => signed({}, { crit: ['x-new'], 'x-new': 1 }, key, { 'x-new': true }),
    ],
    ['that is an access token', () => signed({}, { typ: 'at+jwt' })],
    ['that is a logout token', () => signed({}, { typ: 'logout+jwt' })],
    ['for somebody else', () => signed({ aud: 'https://elsewhere.example' })],
    ['for many others', () => signed({ aud: ['https://elsewhere.example', `${publicUrl}.evil.example`] })],
    ['that has expired', () => signed({ exp: now() - 60 })],
    ['that is not good yet', () => signed({ nbf: now() + 60 })],
    ['from times to come', () => signed({ iat: now() + 60 })],
    ['with times that are texts', () => signed({ exp: '9999999999' })],
    ['without an issuer', () => signed({ iss: undefined })],
    ['with a list of issuers', () => signed({ iss: [inline] })],
    ['with an empty software_id', () => signed({ software_id: '' })],
    ['with a software_id that hides what it is', () => signed({ software_id: 'diary\u202e7' })],
    ['that is too long', () => signed({ more: 'x'.repeat(20_000) })],
    ['that was altered', async () => altered(await signed())],
    ['that is no text', async () => ({ ...claims })],
    ['that is a list', async () => [await signed()]],
    ['that is empty', async () => ''],
    ['in five parts', async () => 'a.b.c.d.e'],
  ];
  test.each(invalid)('[RFC 7591 §3.2.2] %s is invalid', async (_what, made) => {
    const statement = await made();
    expect(await refusal(statement)).toEqual(isInvalid);
    expect(fetched.filter((address) => address !== `${published}/jwks`)).toEqual([]);
  });

  test.each<[string, object]>([
    ['for encryption', { use: 'enc' }],
    ['for another algorithm', { alg: 'ES384' }],
    ['for signing alone', { key_ops: ['sign'] }],
  ])('[RFC 7517 §4] by a key that its issuer publishes %s is invalid', async (_what, more) => {
    body = JSON.stringify({ keys: [{ ...otherKey.jwk, ...more }] });
    expect(await refusal(await signed({ iss: published }, { kid: 'k2' }, otherKey))).toEqual(isInvalid);
  });

  test('by one of two keys of one name is invalid', async () => {
    body = JSON.stringify({ keys: [otherKey.jwk, { ...strangers.jwk, kid: 'k2' }] });
    expect(await refusal(await signed({ iss: published }, { kid: 'k2' }, otherKey))).toEqual(isInvalid);
  });

  test('by a key that is broken, or of a kind that signs for two, is invalid', async () => {
    const statement = await signed({ iss: published }, { kid: 'k2' }, otherKey);
    for (const broken of [{ x: 'AAAA' }, { crv: 'P-999' }, { kty: 'oct', k: 'AAAA' }]) {
      body = JSON.stringify({ keys: [{ ...otherKey.jwk, ...broken }] });
      expect(await refusal(statement)).toEqual(isInvalid);
    }
  });

  test('whatever it is, nothing but a refusal comes of it', async () => {
    const part = fc.oneof(
      fc.base64String(),
      fc.json().map((text) => Buffer.from(text).toString('base64url')),
    );
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.tuple(part, part, part).map((parts) => parts.join('.')),
    );
    await fc.assert(
      fc.asyncProperty(fc.oneof(texts, fc.anything()), async (statement) => {
        expect([isInvalid, isUnapproved]).toContainEqual(await refusal(statement));
      }),
    );
  });
});

/** The same signature over other claims. */
function altered(statement: string): string {
  const [header, , signature] = statement.split('.');
  const other = Buffer.from(JSON.stringify({ ...claims, client_name: 'Evil' })).toString('base64url');
  return [header, other, signature].join('.');
}
