import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { VaultCorrupt } from '../vault.js';

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

/** A key of 32 bytes for one purpose, that tells nothing of the one it comes from (HKDF, RFC 5869). */
export function derive(key: Buffer, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', key, Buffer.alloc(0), purpose, 32));
}
