import { VaultCorrupt } from '../vault.js';
import { decrypt, derive, encrypt } from './cipher.js';
import type { WrappedKey, WrappingKeys } from './wrapping-keys.js';

interface LocalKey {
  readonly id: string;
  readonly wrapping: Buffer;
}

/** Wraps with keys of 32 bytes that this process was given. The first is the current one. */
export class LocalWrappingKeys implements WrappingKeys {
  private readonly current: LocalKey;
  private readonly byId: ReadonlyMap<string, LocalKey>;

  /** Throws a RangeError for a key of another length. */
  constructor(first: Buffer, ...earlier: readonly Buffer[]) {
    this.current = localKey(first);
    this.byId = new Map([this.current, ...earlier.map(localKey)].map((key) => [key.id, key]));
  }

  /** Whether a key of this id is among them. */
  has(id: string): boolean {
    return this.byId.has(id);
  }

  currentId(): Promise<string> {
    return Promise.resolve(this.current.id);
  }

  wrap(dataKey: Buffer, context: string): Promise<WrappedKey> {
    return Promise.resolve({ by: this.current.id, bytes: encrypt(this.current.wrapping, dataKey, context) });
  }

  async unwrap({ by, bytes }: WrappedKey, context: string): Promise<Buffer> {
    const key = this.byId.get(by);
    if (key === undefined)
      throw new VaultCorrupt(`it is wrapped by ${by}, and the configured keys are ${[...this.byId.keys()].join(', ')}`);
    return decrypt(key.wrapping, bytes, context);
  }
}

/** The id follows from the key, and does not tell it: nobody has to name keys, or can give one name to two. */
function localKey(key: Buffer): LocalKey {
  if (key.length !== 32) throw new RangeError('a wrapping key has 32 bytes');
  const id = `local:${derive(key, 'gatehouse vault id').subarray(0, 8).toString('hex')}`;
  return { id, wrapping: derive(key, 'gatehouse vault wrapping') };
}
