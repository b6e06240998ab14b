import type { LocalWrappingKeys } from './local-wrapping-keys.js';
import type { WrappedKey, WrappingKeys } from './wrapping-keys.js';

/** A service wraps; keys that this process was given still unwrap what they wrapped before there was one. */
export class ServiceBeforeLocalKeys implements WrappingKeys {
  constructor(
    private readonly service: WrappingKeys,
    private readonly local: LocalWrappingKeys | undefined,
  ) {}

  currentId(): Promise<string> {
    return this.service.currentId();
  }

  wrap(dataKey: Buffer, context: string): Promise<WrappedKey> {
    return this.service.wrap(dataKey, context);
  }

  unwrap(wrapped: WrappedKey, context: string): Promise<Buffer> {
    const local = this.local?.has(wrapped.by) === true ? this.local : this.service;
    return local.unwrap(wrapped, context);
  }
}
