import { randomBytes } from 'node:crypto';
import type { WrappingKeys } from '../wrapping/wrapping-keys.js';
import type { VaultStore } from './vault-store.js';

/** What the wrapped key of a purpose is bound to. */
export function contextOfPurpose(purpose: string): string {
  return `purpose:${purpose}`;
}

/**
 * Keys that belong to nobody: one for each purpose, the same for every instance. Each is made at first need and kept
 * wrapped in the vault, so that it stays when the wrapping key is changed.
 */
export class SystemKeys {
  private readonly known = new Map<string, Promise<Buffer>>();

  constructor(
    private readonly store: VaultStore,
    private readonly keys: WrappingKeys,
  ) {}

  /** 32 bytes. Throws `VaultUnavailable`, or `VaultCorrupt` where the key cannot be unwrapped. */
  async of(purpose: string): Promise<Buffer> {
    const reading = this.known.get(purpose) ?? this.read(purpose);
    this.known.set(purpose, reading);
    try {
      return await reading;
    } catch (error) {
      // The next one asks again.
      if (this.known.get(purpose) === reading) this.known.delete(purpose);
      throw error;
    }
  }

  private async read(purpose: string): Promise<Buffer> {
    const context = contextOfPurpose(purpose);
    const [kept] = await this.store.query<{ readonly wrapped_key: Buffer; readonly wrapped_by: string }>(
      'SELECT wrapped_key, wrapped_by FROM vault.system_keys WHERE purpose = $1',
      [purpose],
    );
    if (kept !== undefined) return this.keys.unwrap({ by: kept.wrapped_by, bytes: kept.wrapped_key }, context);
    const { by, bytes } = await this.keys.wrap(randomBytes(32), context);
    // Of several instances that come to it at once, one key counts.
    await this.store.query(
      'INSERT INTO vault.system_keys (purpose, wrapped_key, wrapped_by) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
      [purpose, bytes, by],
    );
    return this.read(purpose);
  }
}
