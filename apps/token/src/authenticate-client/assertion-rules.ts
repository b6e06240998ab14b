import { mintedAt } from '#contracts';
import type { JWTPayload, ProtectedHeaderParameters } from 'jose';

/** Algorithms that an assertion may be signed with (SMART App Launch 2.2, Client Authentication: Asymmetric). */
export const assertionAlgorithms = ['RS384', 'ES384'] as const;
/** How far ahead an assertion may expire, in seconds. */
const longestAssertion = 300;
/** How far a client's clock may be off, in seconds. */
export const clockTolerance = 5;
/** What is read of a `jti` at all, in characters. */
const longestId = 512;

/** What of a checked assertion the replay guard remembers. */
export interface AssertionId {
  readonly issuer: string;
  readonly id: string;
  /** Seconds since the epoch. */
  readonly expires: number;
  /** When it was made, in seconds since the epoch: `iat`, or the earliest moment at which it can have been spent. */
  readonly issued: number;
}

export type CheckedAssertion =
  { readonly ok: true; readonly assertion: AssertionId } | { readonly ok: false; readonly fault: string };

/**
 * The rules of SMART's asymmetric client authentication (RFC 7523, 3, and narrower) that a signature does not show:
 * algorithm, `kid`, `typ`, who speaks for whom, the time ahead, the `jti`. `iat` may be absent: nobody can have spent
 * the assertion then before its `exp` allowed it, nor before its client was registered.
 *
 * @param times seconds since the epoch: now, and when the client was registered
 */
export function checkAssertion(
  header: ProtectedHeaderParameters,
  claims: JWTPayload,
  { now, registered }: { readonly now: number; readonly registered: number },
): CheckedAssertion {
  const { iss, sub, jti, exp, iat } = claims;
  if (!assertionAlgorithms.some((alg) => alg === header.alg))
    return fault(`alg must be ${assertionAlgorithms.join(' or ')}`);
  if (typeof header.kid !== 'string' || header.kid === '') return fault('kid is required');
  if (header.typ?.toUpperCase() !== 'JWT') return fault('typ must be JWT');
  if (typeof iss !== 'string' || iss === '' || iss !== sub) return fault('iss and sub must both be the client_id');
  if (typeof jti !== 'string' || jti === '' || jti.length > longestId)
    return fault(`jti must have 1 to ${longestId} characters`);
  if (typeof exp !== 'number' || !Number.isSafeInteger(Math.floor(exp))) return fault('exp is required');
  if (exp + clockTolerance <= now) return fault('it has expired');
  if (exp > now + longestAssertion + clockTolerance)
    return fault(`exp must be at most ${longestAssertion} seconds ahead`);
  if (iat !== undefined && (typeof iat !== 'number' || iat > now + clockTolerance))
    return fault('iat must not lie ahead');
  const issued = iat ?? Math.max(exp - longestAssertion, registered - clockTolerance);
  return { ok: true, assertion: { issuer: iss, id: jti, expires: exp, issued } };
}

/** The times that an assertion of an application's is checked by, in seconds since the epoch. */
export function timesOf({ applicationId }: { readonly applicationId: string }) {
  return { now: Date.now() / 1000, registered: mintedAt(applicationId) / 1000 };
}

function fault(text: string): CheckedAssertion {
  return { ok: false, fault: text };
}
