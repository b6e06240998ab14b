import { randomBytes } from 'node:crypto';
import { Database, VAULT } from '#host';
import type { Json, Vault } from '#vault';
import { Inject, Injectable } from '@nestjs/common';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose';
import { TokenConfig } from '../token.config.js';

/** Signs access tokens; shared by all instances. */
export const accessTokenAlgorithm = 'ES256';
/** Signs id_tokens (SMART App Launch 2.2, 5.1.2). */
export const idTokenAlgorithm = 'RS256';
const owner = 'token-signing-keys';

type Purpose = 'access-token' | 'id-token' | 'cookies';
const purposes = ['access-token', 'id-token', 'cookies'] as const satisfies readonly Purpose[];

/** A key that is published before it signs, so that whoever verifies knows it; and after, as long as what it signed lives. */
const overlapMs = { before: 10 * 60_000, after: 2 * 60 * 60_000 } as const;

interface StoredKey {
  readonly purpose: Purpose;
  readonly generation: number;
  readonly sealed: string;
  readonly createdAt: Date;
}

/** The keys of one moment. */
export interface KeyRing {
  /** Changes when a key comes, goes or begins to sign. */
  readonly id: string;
  readonly accessToken: JWK;
  readonly idToken: JWK;
  /** Signs cookies; the first signs, all verify. */
  readonly cookies: readonly string[];
  /** Private keys whose public parts are published. */
  readonly published: readonly JWK[];
}

/** The keys of the authorization server: made on a schedule, sealed by the vault, the same for every instance. */
@Injectable()
export class SigningKeys {
  private readonly opened = new Map<string, JWK>();

  constructor(
    private readonly database: Database,
    @Inject(VAULT) private readonly vault: Vault,
    private readonly config: TokenConfig,
  ) {}

  /** The keys now; missing and due ones are made. Throws `DatabaseUnavailable`, `VaultUnavailable`, or when the vault's key changed. */
  async ring(): Promise<KeyRing> {
    const now = Date.now();
    let stored = await this.stored();
    const due = purposes.filter((purpose) => isDue(stored, purpose, now - this.config.keyDays * 86_400_000));
    for (const purpose of due) await this.make(purpose, stored);
    if (due.length > 0) stored = await this.stored();
    const of = async (purpose: Purpose) =>
      Promise.all(inUse(stored, purpose, now).map(async (key) => ({ key, jwk: await this.open(key) })));
    const [accessTokens, idTokens, cookies] = await Promise.all(purposes.map(of));
    const [accessToken, idToken] = [accessTokens?.[0], idTokens?.[0]];
    if (accessToken === undefined || idToken === undefined || cookies === undefined)
      throw new Error('a signing key was removed while it was made');
    const published = [...(accessTokens ?? []), ...(idTokens ?? [])];
    return {
      id: [...published, ...cookies].map(({ key }) => `${key.purpose}:${key.generation}`).join(' '),
      accessToken: accessToken.jwk,
      idToken: idToken.jwk,
      cookies: cookies.map(({ jwk }) => jwk.k ?? ''),
      published: published.map(({ jwk }) => jwk),
    };
  }

  private async make(purpose: Purpose, stored: readonly StoredKey[]): Promise<void> {
    const last = Math.max(0, ...stored.filter((key) => key.purpose === purpose).map(({ generation }) => generation));
    const made = await this.vault.seal(owner, await generateKey(purpose));
    // Of several instances that come to it at once, one key counts.
    await this.database.query(
      'INSERT INTO vault.signing_keys (purpose, generation, sealed) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
      [purpose, last + 1, made],
    );
  }

  private async stored(): Promise<readonly StoredKey[]> {
    return this.database.query<StoredKey>(
      `SELECT purpose, generation, sealed, created_at AS "createdAt" FROM vault.signing_keys ORDER BY generation DESC`,
    );
  }

  private async open({ sealed }: StoredKey): Promise<JWK> {
    const known = this.opened.get(sealed);
    if (known !== undefined) return known;
    const key = await this.vault.open(sealed);
    if (typeof key !== 'object' || key === null || !('kty' in key) || !('kid' in key))
      throw new Error('the vault holds no signing key behind its reference');
    const jwk: JWK = { ...key };
    this.opened.set(sealed, jwk);
    return jwk;
  }
}

function isDue(stored: readonly StoredKey[], purpose: Purpose, madeBeforeMs: number): boolean {
  const [newest] = stored.filter((key) => key.purpose === purpose);
  return newest === undefined || newest.createdAt.getTime() < madeBeforeMs;
}

/** The keys of a purpose that count at `now`, the one that signs first. Exported for its test. */
export function inUse<K extends Pick<StoredKey, 'purpose' | 'createdAt'>>(
  stored: readonly K[],
  purpose: Purpose,
  now: number,
): readonly K[] {
  const newestFirst = stored
    .filter((key) => key.purpose === purpose)
    .sort((one, other) => other.createdAt.getTime() - one.createdAt.getTime());
  // The oldest signs from the start: there is nobody yet who knows another.
  const signing = newestFirst.find((key) => key.createdAt.getTime() <= now - overlapMs.before) ?? newestFirst.at(-1);
  if (signing === undefined) return [];
  const at = newestFirst.indexOf(signing);
  const coming = newestFirst.slice(0, at);
  const gone = newestFirst.slice(at + 1).filter((_key, index) => {
    const replacedBy = newestFirst[at + index];
    const replacedAt = (replacedBy?.createdAt.getTime() ?? 0) + overlapMs.before;
    return replacedAt + overlapMs.after > now;
  });
  return [signing, ...coming, ...gone];
}

async function generateKey(purpose: Purpose): Promise<Json> {
  if (purpose === 'cookies')
    return { kty: 'oct', kid: randomBytes(8).toString('hex'), k: randomBytes(32).toString('base64url') };
  const alg = purpose === 'id-token' ? idTokenAlgorithm : accessTokenAlgorithm;
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  const { kty, crv, x, y, n, e, d, p, q, dp, dq, qi } = await exportJWK(privateKey);
  const material = Object.entries({ kty, crv, x, y, n, e, d, p, q, dp, dq, qi }).filter(
    (part): part is [string, string] => part[1] !== undefined,
  );
  const jwk = Object.fromEntries(material);
  return { ...jwk, alg, use: 'sig', kid: await calculateJwkThumbprint({ ...jwk }) };
}
