import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { Database, VAULT } from '#host';
import { encodePublicKey } from '#proofs';
import type { Vault } from '#vault';
import { Inject, Injectable } from '@nestjs/common';

const owner = 'checkpoint-keys';

interface StoredKey {
  readonly sealed: string;
  readonly publicKey: string;
  readonly createdAt: Date;
}

/** A key as it is published. */
export interface PublishedKey {
  /** Base64 of 01 and the 32 bytes of the Ed25519 key: the last part of a verifier key (C2SP signed-note). */
  readonly publicKey: string;
  readonly createdAt: string;
}

/**
 * The key that signs checkpoints: made once, sealed by the vault, the same for every instance. It is not changed on a
 * schedule, since whoever keeps checkpoints has pinned its public half.
 */
@Injectable()
export class CheckpointKey {
  private opened: { readonly sealed: string; readonly key: KeyObject } | undefined;

  constructor(
    private readonly database: Database,
    @Inject(VAULT) private readonly vault: Vault,
  ) {}

  /** The private key. Throws `DatabaseUnavailable`, `VaultUnavailable`, or when the vault's key has changed. */
  async signing(): Promise<KeyObject> {
    let [newest] = await this.stored();
    if (newest === undefined) {
      await this.make();
      [newest] = await this.stored();
    }
    if (newest === undefined) throw new Error('the checkpoint key was removed while it was made');
    if (this.opened?.sealed !== newest.sealed)
      this.opened = { sealed: newest.sealed, key: await this.open(newest.sealed) };
    return this.opened.key;
  }

  /** The public halves, the newest first. */
  async published(): Promise<readonly PublishedKey[]> {
    const keys = await this.stored();
    return keys.map(({ publicKey, createdAt }) => ({ publicKey, createdAt: createdAt.toISOString() }));
  }

  private async make(): Promise<void> {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const sealed = await this.vault.seal(owner, privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64'));
    // Of several instances that come to it at once, one key counts.
    await this.database.query(
      'INSERT INTO vault.checkpoint_keys (generation, sealed, public_key) VALUES (1, $1, $2) ON CONFLICT DO NOTHING',
      [sealed, encodePublicKey(publicKey)],
    );
  }

  private stored(): Promise<readonly StoredKey[]> {
    return this.database.query<StoredKey>(
      `SELECT sealed, public_key AS "publicKey", created_at AS "createdAt" FROM vault.checkpoint_keys ORDER BY generation DESC`,
    );
  }

  private async open(sealed: string): Promise<KeyObject> {
    const der = await this.vault.open(sealed);
    if (typeof der !== 'string') throw new Error('the vault holds no checkpoint key behind its reference');
    return createPrivateKey({ key: Buffer.from(der, 'base64'), format: 'der', type: 'pkcs8' });
  }
}
