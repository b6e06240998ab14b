import { createHmac } from 'node:crypto';
import type { SystemKeys } from './system-keys.js';

/** Keyed digests, for finding a row by personal data that the row does not hold. */
export class BlindIndex {
  constructor(private readonly keys: SystemKeys) {}

  /** The digest, 32 bytes. Throws as `SystemKeys.of` does. */
  async of(text: string): Promise<Buffer> {
    return createHmac('sha256', await this.keys.of('index'))
      .update(text)
      .digest();
  }

  /** The digest of an owner, by which their key and all that is sealed under it is found. */
  async ofOwner(ownerKey: string): Promise<Buffer> {
    return this.of(`owner:${ownerKey}`);
  }
}
