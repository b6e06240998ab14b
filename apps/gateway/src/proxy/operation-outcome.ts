import { proofAlgorithms } from '#dpop';
import type { AccessTokenClaims } from '../believe-token/access-token-claims.js';
import type { NotProven } from '../prove-possession/possession.js';

/** What proofs may be signed with, as challenges say it. */
const algs = `algs="${proofAlgorithms.join(' ')}"`;

/** An error as FHIR says it (R4, OperationOutcome). */
export interface OperationOutcome {
  readonly resourceType: 'OperationOutcome';
  readonly issue: readonly [
    {
      readonly severity: 'error';
      readonly code: string;
      readonly diagnostics: string;
      /** FHIRPath: which entry of a Bundle it was. */
      readonly expression?: readonly [string];
    },
  ];
}

/** What a caller is told instead of a resource. */
export interface FhirError {
  readonly status: number;
  readonly body: OperationOutcome;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * @param code        of `issue-type`
 * @param diagnostics for a person who calls the API; nothing of the upstream's own errors
 */
export function fhirError(
  status: number,
  code: string,
  diagnostics: string,
  headers: Readonly<Record<string, string>> = {},
): FhirError {
  return {
    status,
    headers,
    body: { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code, diagnostics }] },
  };
}

/** The same error as one of an entry of a Bundle, counted from 0. */
export function ofEntry(index: number, error: FhirError): FhirError {
  const { body, ...rest } = error;
  const [issue] = body.issue;
  return { ...rest, body: { ...body, issue: [{ ...issue, expression: [`Bundle.entry[${index}]`] }] } };
}

/** 401 without a token at all (RFC 6750 §3). */
export function tokenRequired(): FhirError {
  return fhirError(401, 'login', 'This API takes calls with an access token in the Authorization header.', {
    'WWW-Authenticate': `Bearer, DPoP ${algs}`,
  });
}

/** 401 for a token that does not count (RFC 6750 §3.1). */
export function invalidToken(diagnostics: string): FhirError {
  return fhirError(401, 'login', diagnostics, { 'WWW-Authenticate': 'Bearer error="invalid_token"' });
}

/** 401 for a token whose key the caller has not shown to hold (RFC 9449 §7.1 and §9). */
export function notProven({ error, reason }: Pick<NotProven, 'error' | 'reason'>, nonce: string): FhirError {
  return fhirError(401, 'login', reason, {
    'WWW-Authenticate': `DPoP error="${error}", ${algs}`,
    'DPoP-Nonce': nonce,
  });
}

/** The same error with its challenge in the scheme of the caller's token (RFC 9449 §7.1). */
export function inSchemeOf({ jkt }: Pick<AccessTokenClaims, 'jkt'>, error: FhirError): FhirError {
  const challenge = error.headers['WWW-Authenticate'];
  if (jkt === undefined || challenge === undefined) return error;
  const headers = { ...error.headers, 'WWW-Authenticate': `${challenge.replace(/^Bearer/, 'DPoP')}, ${algs}` };
  return { ...error, headers };
}

/** 403 for what the token's scopes do not allow. */
export function insufficientScope(diagnostics: string, wouldAllow: readonly string[]): FhirError {
  const scope = wouldAllow.length > 0 ? `, scope="${wouldAllow.join(' ')}"` : '';
  return fhirError(403, 'forbidden', diagnostics, { 'WWW-Authenticate': `Bearer error="insufficient_scope"${scope}` });
}

/** 503: this instance may not let anybody in now, or could not record that it did. */
export function notNow(diagnostics: string): FhirError {
  return fhirError(503, 'transient', diagnostics, { 'Retry-After': '2' });
}
