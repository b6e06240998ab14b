import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { VaultCorrupt } from './vault.js';

const nonceLength = 12;
const tagLength = 16;
/** The form of a box, so that a later one can be told apart. */
const form = 1;

/** AES-256-GCM: one byte of form, 12 of nonce, 16 of tag, the ciphertext. `context` is authenticated, not stored. */
export function encrypt(key: Buffer, plaintext: Buffer, context: string): Buffer {
  const nonce = randomBytes(nonceLength);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(context));
  const body = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return Buffer.concat([Buffer.of(form), nonce, cipher.getAuthTag(), body]);
}

/** Opens what `encrypt` made under the same key and context. Throws `VaultCorrupt` otherwise. */
export function decrypt(key: Buffer, box: Buffer, context: string): Buffer {
  if (box.length < 1 + nonceLength + tagLength || box[0] !== form) throw new VaultCorrupt('a box has an unknown form');
  const nonce = box.subarray(1, 1 + nonceLength);
  const tag = box.subarray(1 + nonceLength, 1 + nonceLength + tagLength);
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagLength })
      .setAAD(Buffer.from(context))
      .setAuthTag(tag);
    return Buffer.concat([decipher.update(box.subarray(1 + nonceLength + tagLength)), decipher.final()]);
  } catch (error) {
    throw new VaultCorrupt('it was sealed under another key, or changed', { cause: error });
  }
}

/**
 * Wraps the keys of owners: the port behind which a key management service stands. `id` names the
 * wrapping key and is stored beside what it wrapped.
 */
export interface KeyWrapper {
  readonly id: string;
  wrap(key: Buffer, context: string): Promise<Buffer>;
  unwrap(wrapped: Buffer, context: string): Promise<Buffer>;
  /** A keyed digest, for finding a row by personal data that the row does not hold. */
  blindIndex(text: string): Buffer;
}

/** Wraps with a key of 32 bytes from the configuration. */
export class LocalKeyWrapper implements KeyWrapper {
  readonly id: string;
  private readonly wrapping: Buffer;
  private readonly indexing: Buffer;

  constructor(key: Buffer) {
    if (key.length !== 32) throw new Error('the vault’s key has 32 bytes');
    this.wrapping = derive(key, 'gatehouse vault wrapping');
    this.indexing = derive(key, 'gatehouse vault index');
    this.id = `local:${derive(key, 'gatehouse vault id').subarray(0, 8).toString('hex')}`;
  }

  wrap(key: Buffer, context: string): Promise<Buffer> {
    return Promise.resolve(encrypt(this.wrapping, key, context));
  }

  async unwrap(wrapped: Buffer, context: string): Promise<Buffer> {
    return decrypt(this.wrapping, wrapped, context);
  }

  blindIndex(text: string): Buffer {
    return createHmac('sha256', this.indexing).update(text).digest();
  }
}

function derive(key: Buffer, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', key, Buffer.alloc(0), purpose, 32));
}
