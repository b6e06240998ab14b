import { VaultCorrupt, VaultUnavailable } from '../vault.js';
import type { WrappedKey, WrappingKeys } from './wrapping-keys.js';

/** How long an answer may take, in milliseconds: a call waits for it. */
const answerWithinMs = 5_000;
/** How long an unwrapped key is remembered, in milliseconds, and how many of them. */
const rememberedMs = 300_000;
const mostRemembered = 10_000;

/** Where the service is, and the bearer token that it knows us by. */
export interface RemoteWrappingKeysOptions {
  readonly url: string;
  readonly token: string;
}

/**
 * A KMS or HSM whose key never leaves it, behind two calls (docs/adr/0017), bytes in base64url:
 * `POST {url}/wrapped-keys {key, context}` → 201 `{id, wrapped}`, and
 * `POST {url}/unwrapped-keys {id, wrapped, context}` → 201 `{key}`; 404 or 422 where no key of it fits.
 */
export class RemoteWrappingKeys implements WrappingKeys {
  private readonly remembered = new Map<string, { readonly key: Buffer; readonly until: number }>();

  constructor(private readonly service: RemoteWrappingKeysOptions) {}

  async currentId(): Promise<string> {
    return (await this.wrap(Buffer.alloc(32), 'which key')).by;
  }

  async wrap(dataKey: Buffer, context: string): Promise<WrappedKey> {
    const made = await this.post('/wrapped-keys', { key: dataKey.toString('base64url'), context });
    const { id, wrapped } = made;
    if (typeof id !== 'string' || !/^.{1,200}$/.test(id) || typeof wrapped !== 'string' || wrapped === '')
      throw new VaultUnavailable({ cause: new Error('the key service wrapped nothing as agreed') });
    return { by: id, bytes: Buffer.from(wrapped, 'base64url') };
  }

  async unwrap({ by, bytes }: WrappedKey, context: string): Promise<Buffer> {
    const wrapped = bytes.toString('base64url');
    const name = `${context} ${by} ${wrapped}`;
    const known = this.remembered.get(name);
    if (known !== undefined && known.until > performance.now()) return known.key;
    const { key } = await this.post('/unwrapped-keys', { id: by, wrapped, context });
    const opened = typeof key === 'string' ? Buffer.from(key, 'base64url') : Buffer.alloc(0);
    if (opened.length !== 32) throw new VaultCorrupt('the key service unwrapped no key of 32 bytes');
    this.remember(name, opened);
    return opened;
  }

  private remember(name: string, key: Buffer): void {
    const oldest = this.remembered.keys().next();
    if (this.remembered.size >= mostRemembered && oldest.done !== true) this.remembered.delete(oldest.value);
    this.remembered.delete(name);
    this.remembered.set(name, { key, until: performance.now() + rememberedMs });
  }

  private async post(path: string, body: object): Promise<Readonly<Record<string, unknown>>> {
    const { url, token } = this.service;
    try {
      const answer = await fetch(url + path, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
        redirect: 'error',
        signal: AbortSignal.timeout(answerWithinMs),
      });
      if (answer.status === 404 || answer.status === 422)
        throw new VaultCorrupt('the key service has no key that wrapped this');
      if (answer.status !== 201) throw new Error(`the key service answered ${String(answer.status)}`);
      const made: unknown = await answer.json();
      return typeof made === 'object' && made !== null ? { ...made } : {};
    } catch (error) {
      throw error instanceof VaultCorrupt ? error : new VaultUnavailable({ cause: error });
    }
  }
}
