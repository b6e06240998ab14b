/** A data key as it is stored: wrapped, with the id of the key that wrapped it. */
export interface WrappedKey {
  /** At most 200 characters, and never the id of another key. */
  readonly by: string;
  readonly bytes: Buffer;
}

/**
 * What wraps the data keys of the vault: the port behind which a key management service stands (docs/adr/0017). One key
 * is the current one and wraps; earlier ones still unwrap what they wrapped, until `npx gatehouse vault rotate` has
 * wrapped it anew.
 *
 * `context` is bound to what is wrapped and stored beside nobody's key: unwrapping under another one fails.
 */
export interface WrappingKeys {
  /** The id of the current key. Throws `VaultUnavailable` while that cannot be asked. */
  currentId(): Promise<string>;
  /** Wraps 32 bytes under the current key. Throws `VaultUnavailable` while that cannot be asked. */
  wrap(dataKey: Buffer, context: string): Promise<WrappedKey>;
  /** The 32 bytes again. Throws `VaultCorrupt` where no key fits, `VaultUnavailable` while that cannot be asked. */
  unwrap(wrapped: WrappedKey, context: string): Promise<Buffer>;
}
