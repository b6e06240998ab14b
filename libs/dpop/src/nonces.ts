import { createHmac, timingSafeEqual } from 'node:crypto';

/** How long a nonce is the one that is given out, in milliseconds; it counts for as long again. */
const stepMs = 120_000;

/**
 * Nonces for proofs (RFC 9449, 8), the same at every instance that has the secret: each names a span of time, and nobody
 * without the secret makes one ahead of it. Nothing is kept.
 */
export class DpopNonces {
  /** @param secrets the first makes nonces, those of each are accepted */
  constructor(private readonly secrets: readonly [string | Buffer, ...(string | Buffer)[]]) {}

  /** The nonce to use at `nowMs` (milliseconds since 1970). */
  current(nowMs: number): string {
    return nonceOf(this.secrets[0], Math.floor(nowMs / stepMs));
  }

  /** Whether a nonce is the current one, the one before, or, for an instance whose clock is ahead, the one to come. */
  accepts(nonce: string, nowMs: number): boolean {
    const now = Math.floor(nowMs / stepMs);
    const given = Buffer.from(nonce);
    return this.secrets.some((secret) =>
      [now, now - 1, now + 1].some((step) => {
        const known = Buffer.from(nonceOf(secret, step));
        return known.length === given.length && timingSafeEqual(known, given);
      }),
    );
  }
}

function nonceOf(secret: string | Buffer, step: number): string {
  return createHmac('sha256', secret).update(`dpop-nonce ${step}`).digest('base64url').slice(0, 22);
}
