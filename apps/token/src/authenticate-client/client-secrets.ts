import { createHash, timingSafeEqual } from 'node:crypto';

/** Whether a secret is one of those whose hashes are kept and that have not expired at `nowMs`. */
export function clientSecretMatches(
  secret: string,
  kept: readonly { readonly sha256: string; readonly expiresAt: string }[],
  nowMs: number,
): boolean {
  const digest = createHash('sha256').update(secret).digest();
  return kept
    .filter(({ expiresAt }) => Date.parse(expiresAt) > nowMs)
    .some(({ sha256 }) => timingSafeEqual(Buffer.from(sha256, 'hex'), digest));
}
