import type { NotAnswered } from '../answer/not-answered.js';
import type { AccessTokenClaims } from '../believe-token/access-token-claims.js';
import type { CallDecision } from '../decide-call/decide-call.js';
import type { TooMany } from '../limit-calls/call-limits.js';
import { type FhirError, fhirError, inSchemeOf, insufficientScope, invalidToken, notNow } from './operation-outcome.js';

export type Denied = Extract<CallDecision, { readonly outcome: 'deny' }>;

/** What the caller is told of a decision against the call. */
export function toldOf(denied: Denied, claims: Pick<AccessTokenClaims, 'jkt'>): FhirError {
  const { kind, detail, wouldAllow } = denied;
  switch (kind) {
    case 'limit':
      return fhirError(429, 'throttled', detail, { 'Retry-After': String(denied.retryAfterSeconds) });
    case 'token':
      return inSchemeOf(claims, invalidToken(detail));
    case 'scope':
      return inSchemeOf(claims, insufficientScope(detail, wouldAllow));
    case 'request':
      return fhirError(403, 'not-supported', detail);
    default:
      return kind satisfies never;
  }
}

/** The decision against a call that is not carried out, for its record. */
export function notCarriedOut({ answer, reason }: Pick<NotAnswered, 'answer' | 'reason'>): Denied {
  const detail = answer.body.issue[0].diagnostics;
  return { outcome: 'deny', kind: 'request', reason, detail, wouldAllow: [] };
}

/** The decision against a call beyond what its application may call. */
export function tooManyCalls({ detail, retryAfterSeconds }: TooMany): Denied {
  return { outcome: 'deny', kind: 'limit', reason: `limit: ${detail}`, detail, wouldAllow: [], retryAfterSeconds };
}

/** What is in force is not known here, or is not what the call was judged by. */
export const changed = notNow('This instance is not up to date with what is in force.');

/** Without its record nothing of a call leaves. */
export const notRecorded = notNow('The call could not be recorded, and what is not recorded does not leave.');
