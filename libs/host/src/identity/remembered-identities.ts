import { hash } from 'node:crypto';
import type { TokenIdentity } from './access-token.js';

/** How long a verification is remembered, in milliseconds: a key that its provider withdraws counts no longer than that more. */
const REMEMBERED_MS = 60_000;
const MOST = 10_000;

interface Remembered {
  readonly identity: TokenIdentity;
  readonly until: number;
}

/**
 * Remembers whom verified tokens speak for, by the hash of the whole token: a portal calls many times with one, and a
 * signature costs more than the rest of a request. A token's own end counts at every call.
 */
export class RememberedIdentities {
  private readonly known = new Map<string, Remembered>();

  constructor(private readonly clock: () => number = Date.now) {}

  /** Whom the token speaks for: remembered, or else as `verify` says. What `verify` throws is not remembered. */
  async of(token: string, verify: (token: string) => Promise<TokenIdentity>): Promise<TokenIdentity> {
    const digest = hash('sha256', token, 'base64');
    const known = this.known.get(digest);
    if (known !== undefined && known.until > this.clock()) return known.identity;
    this.known.delete(digest);
    const identity = await verify(token);
    const [oldest] = this.known.size >= MOST ? this.known.keys() : [];
    if (oldest !== undefined) this.known.delete(oldest);
    this.known.set(digest, { identity, until: Math.min(this.clock() + REMEMBERED_MS, identity.expiresAt) });
    return identity;
  }
}
