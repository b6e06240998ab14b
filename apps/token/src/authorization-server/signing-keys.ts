import { Database, VAULT } from '#host';
import type { Json, Vault } from '#vault';
import { Inject, Injectable } from '@nestjs/common';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose';

/** Signs access tokens; shared by all instances. */
export const accessTokenAlgorithm = 'ES256';
const owner = 'token-signing-keys';

/** The private key behind access tokens: made once, sealed by the vault, the same for every instance. */
@Injectable()
export class SigningKeys {
  constructor(
    private readonly database: Database,
    @Inject(VAULT) private readonly vault: Vault,
  ) {}

  /** The key, made if there is none yet. Throws `DatabaseUnavailable`, `VaultUnavailable`, or when the vault's key changed. */
  async current(): Promise<JWK> {
    const known = await this.sealed();
    if (known !== undefined) return this.open(known);
    const made = await this.vault.seal(owner, await generateKey());
    // Of several instances that start at once, one key counts.
    await this.database.query(
      'INSERT INTO vault.signing_keys (generation, sealed) VALUES (1, $1) ON CONFLICT (generation) DO NOTHING',
      [made],
    );
    const counting = await this.sealed();
    if (counting === undefined) throw new Error('the signing key was removed while it was made');
    return this.open(counting);
  }

  private async sealed(): Promise<string | undefined> {
    const [row] = await this.database.query<{ sealed: string }>(
      'SELECT sealed FROM vault.signing_keys ORDER BY generation DESC LIMIT 1',
    );
    return row?.sealed;
  }

  private async open(reference: string): Promise<JWK> {
    const key = await this.vault.open(reference);
    if (typeof key !== 'object' || key === null || !('kty' in key) || !('kid' in key))
      throw new Error('the vault holds no signing key behind its reference');
    return { ...key };
  }
}

async function generateKey(): Promise<Json> {
  const { privateKey } = await generateKeyPair(accessTokenAlgorithm, { extractable: true });
  const { kty = '', crv = '', x = '', y = '', d = '' } = await exportJWK(privateKey);
  return {
    kty,
    crv,
    x,
    y,
    d,
    alg: accessTokenAlgorithm,
    use: 'sig',
    kid: await calculateJwkThumbprint({ kty, crv, x, y }),
  };
}
