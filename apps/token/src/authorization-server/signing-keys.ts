import { randomBytes } from 'node:crypto';
import { Database, VAULT } from '#host';
import type { Vault } from '#vault';
import { Inject, Injectable } from '@nestjs/common';
import { localKeys } from '../sign-tokens/local-keys.js';
import {
  SigningUnavailable,
  type KeptKey,
  type KeyService,
  type SigningAlgorithm,
  type SigningKey,
} from '../sign-tokens/key-service.js';
import { remoteKeys } from '../sign-tokens/remote-keys.js';
import { TokenConfig } from '../token.config.js';

/** Signs access tokens; shared by all instances. */
export const accessTokenAlgorithm = 'ES256';
/** Signs id_tokens (SMART App Launch 2.2, 5.1.2). */
export const idTokenAlgorithm = 'RS256';
const owner = 'token-signing-keys';
const algorithms = {
  'access-token': accessTokenAlgorithm,
  'id-token': idTokenAlgorithm,
} as const satisfies Record<string, SigningAlgorithm>;

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
  readonly accessToken: SigningKey;
  readonly idToken: SigningKey;
  /** Signs cookies; the first signs, all verify. */
  readonly cookies: readonly string[];
  /** Those whose public parts are published. */
  readonly published: readonly SigningKey[];
}

/**
 * The keys of the authorization server: made on a schedule, sealed by the vault, the same for every instance. What signs
 * tokens is held by a KMS where one is configured; keys that were made here before sign on until the next are due.
 */
@Injectable()
export class SigningKeys {
  private readonly opened = new Map<string, KeptKey>();
  private readonly signing = new Map<string, SigningKey>();

  private readonly remote: KeyService | undefined;

  constructor(
    private readonly database: Database,
    @Inject(VAULT) private readonly vault: Vault,
    private readonly config: TokenConfig,
  ) {
    const { kmsUrl: url, kmsToken: token } = config;
    this.remote = url === undefined || token === undefined ? undefined : remoteKeys({ url, token });
  }

  /**
   * The keys now; missing and due ones are made. Throws `DatabaseUnavailable`, `VaultUnavailable`, `SigningUnavailable` where
   * there is no key yet, or when the vault's key changed.
   */
  async ring(): Promise<KeyRing> {
    const now = Date.now();
    let stored = await this.stored();
    const due = purposes.filter((purpose) => isDue(stored, purpose, now - this.config.keyDays * 86_400_000));
    for (const purpose of due) await this.make(purpose, stored).catch(orGoOnWith(stored, purpose));
    if (due.length > 0) stored = await this.stored();
    const used = purposes.map((purpose) => inUse(stored, purpose, now));
    const [accessTokens = [], idTokens = [], cookies = []] = used;
    const signers = async (keys: readonly StoredKey[]) => Promise.all(keys.map((key) => this.signer(key)));
    const [forAccess, forIds] = [await signers(accessTokens), await signers(idTokens)];
    const [accessToken, idToken] = [forAccess[0], forIds[0]];
    if (accessToken === undefined || idToken === undefined)
      throw new Error('a signing key was removed while it was made');
    const secrets = await Promise.all(cookies.map(async (key) => (await this.open(key))['k']));
    return {
      id: used.flatMap((keys) => keys.map(({ purpose, generation }) => `${purpose}:${generation}`)).join(' '),
      accessToken,
      idToken,
      cookies: secrets.filter((secret) => typeof secret === 'string'),
      published: [...forAccess, ...forIds],
    };
  }

  private async make(purpose: Purpose, stored: readonly StoredKey[]): Promise<void> {
    const last = Math.max(0, ...stored.filter((key) => key.purpose === purpose).map(({ generation }) => generation));
    const made = await this.vault.seal(owner, await this.generate(purpose));
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

  private async generate(purpose: Purpose): Promise<KeptKey> {
    if (purpose === 'cookies')
      return { kty: 'oct', kid: randomBytes(8).toString('hex'), k: randomBytes(32).toString('base64url') };
    return (this.remote ?? localKeys).make(algorithms[purpose]);
  }

  private async signer(stored: StoredKey): Promise<SigningKey> {
    const known = this.signing.get(stored.sealed);
    if (known !== undefined) return known;
    const kept = await this.open(stored);
    const key = localKeys.open(kept) ?? this.remote?.open(kept);
    if (key === undefined) throw new Error('a signing key is held by a key service, and TOKEN_KMS_URL is not set');
    this.signing.set(stored.sealed, key);
    return key;
  }

  private async open({ sealed }: StoredKey): Promise<KeptKey> {
    const known = this.opened.get(sealed);
    if (known !== undefined) return known;
    const key = await this.vault.open(sealed);
    if (typeof key !== 'object' || key === null || !('kty' in key) || !('kid' in key))
      throw new Error('the vault holds no signing key behind its reference');
    const kept = { ...key };
    this.opened.set(sealed, kept);
    return kept;
  }
}

/** A key that is due can wait for the service that makes it; a first one cannot. */
function orGoOnWith(stored: readonly StoredKey[], purpose: Purpose): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof SigningUnavailable) || !stored.some((key) => key.purpose === purpose)) throw error;
  };
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
