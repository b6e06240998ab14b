import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const NONCE = 12;
const TAG = 16;
/** Padded to a multiple of this, so that its length tells nothing of what is sealed. */
const BLOCK = 768;

/** Of 32 bytes each. */
export type SealingKeys = readonly [Buffer, ...Buffer[]];

/**
 * Seals values into texts that callers carry: encrypted, so that nobody reads them, and bound to whom they are for, so that
 * they count for nobody else. AES-256-GCM; the instances share the keys: the first seals, each opens.
 */
export class Sealed {
  constructor(private readonly keys: SealingKeys) {}

  /** @param boundTo what must be the same where it is opened; its first part says what kind of thing is sealed */
  seal(value: object, boundTo: readonly (string | number | null)[]): string {
    const text = Buffer.from(JSON.stringify(value));
    const plain = Buffer.alloc(Math.ceil((text.length + 1) / BLOCK) * BLOCK, ' ');
    text.copy(plain);
    const nonce = randomBytes(NONCE);
    const cipher = createCipheriv('aes-256-gcm', this.keys[0], nonce, { authTagLength: TAG });
    cipher.setAAD(Buffer.from(JSON.stringify(boundTo)));
    return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]).toString('base64url');
  }

  /** What was sealed; undefined when it was sealed for somebody else, or is not ours. */
  open(sealed: string, boundTo: readonly (string | number | null)[]): unknown {
    const bytes = Buffer.from(sealed, 'base64url');
    if (bytes.length <= NONCE + TAG) return undefined;
    for (const key of this.keys) {
      const opened = openedBy(key, bytes, boundTo);
      if (opened !== undefined) return opened;
    }
    return undefined;
  }
}

function openedBy(key: Buffer, bytes: Buffer, boundTo: readonly (string | number | null)[]): unknown {
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE), { authTagLength: TAG });
  decipher.setAAD(Buffer.from(JSON.stringify(boundTo)));
  decipher.setAuthTag(bytes.subarray(-TAG));
  try {
    const plain = Buffer.concat([decipher.update(bytes.subarray(NONCE, -TAG)), decipher.final()]);
    return JSON.parse(plain.toString('utf8'));
  } catch {
    return undefined; // the tag does not fit: another key's, not ours, or somebody else's
  }
}
