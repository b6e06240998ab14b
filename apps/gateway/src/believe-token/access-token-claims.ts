import { TOKEN_CLOCK_TOLERANCE_S } from '#contracts';
import { parseScopeList, type Scope } from '#smart';
import type { TokenStanding } from '#access';
import type { JWTPayload } from 'jose';

/** What a verified access token says. */
export interface AccessTokenClaims extends TokenStanding {
  /** The id of the FHIR endpoint that the token is for, by its `aud`. */
  readonly endpoint: string;
  readonly applicationId: string;
  readonly clientId: string;
  readonly approvalVersion: number;
  readonly scopes: readonly Scope[];
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number;
  /** Whom the token is about, as the authorization server names them. */
  readonly subject: string;
  /** The id of the patient in context: what `patient/` scopes are about (SMART App Launch). */
  readonly patient?: string;
  /** The user's own FHIR resource, as a reference or a URL. */
  readonly fhirUser?: string;
  /** Thumbprint of the key whose holder alone may present it (RFC 9449, 6.1). */
  readonly jkt?: string;
}

/**
 * Reads the claims of an access token of ours (RFC 9068, with those of Gatehouse); undefined when one is missing or of
 * another shape, or when the token is bound (`cnf`) to something else than a key that its holder shows.
 *
 * @param endpoint what its `aud` names
 */
export function readClaims(payload: JWTPayload, endpoint: string): AccessTokenClaims | undefined {
  const {
    exp,
    jti,
    client_id: clientId,
    scope,
    cnf,
    gatehouse_application: applicationId,
    gatehouse_approval_version: approvalVersion,
    gatehouse_epoch: epoch,
    gatehouse_key: keyThumbprint,
    gatehouse_grant: grantId,
    sub: subject,
    patient,
    fhirUser,
  } = payload;
  const jkt = cnf === undefined ? undefined : jktIn(cnf);
  if (
    (cnf !== undefined && jkt === undefined) ||
    typeof exp !== 'number' ||
    typeof jti !== 'string' ||
    typeof scope !== 'string'
  )
    return undefined;
  if (typeof clientId !== 'string' || typeof applicationId !== 'string') return undefined;
  if (typeof approvalVersion !== 'number' || typeof epoch !== 'number') return undefined;
  if (keyThumbprint !== undefined && typeof keyThumbprint !== 'string') return undefined;
  if (typeof subject !== 'string' || !isTextOrAbsent(grantId) || !isTextOrAbsent(fhirUser)) return undefined;
  if (!isTextOrAbsent(patient) || (patient !== undefined && !/^[A-Za-z0-9\-.]{1,64}$/.test(patient))) return undefined;
  const parsed = parseScopeList(scope);
  if (!parsed.ok) return undefined;
  return {
    endpoint,
    tokenId: jti,
    epoch,
    ...(keyThumbprint === undefined ? {} : { keyThumbprint }),
    applicationId,
    clientId,
    approvalVersion,
    scopes: parsed.scopes,
    expiresAtMs: exp * 1000,
    subject,
    ...(grantId === undefined ? {} : { grantId }),
    ...(patient === undefined ? {} : { patient }),
    ...(fhirUser === undefined ? {} : { fhirUser }),
    ...(jkt === undefined ? {} : { jkt }),
  };
}

/** The thumbprint, where the token is bound to a key and to nothing besides. */
function jktIn(cnf: unknown): string | undefined {
  if (typeof cnf !== 'object' || cnf === null || !('jkt' in cnf) || Object.keys(cnf).length !== 1) return undefined;
  return typeof cnf.jkt === 'string' && /^[A-Za-z0-9_-]{43}$/.test(cnf.jkt) ? cnf.jkt : undefined;
}

function isTextOrAbsent(claim: unknown): claim is string | undefined {
  return claim === undefined || (typeof claim === 'string' && claim !== '');
}

/** Whether a token has expired, as far as clocks may differ (RFC 9068, 4). */
export function isOver({ expiresAtMs }: Pick<AccessTokenClaims, 'expiresAtMs'>): boolean {
  return endOf(expiresAtMs) <= Date.now();
}

/** The longest that a timer of Node waits, in milliseconds. */
const LONGEST_MS = 2_147_483_647;

/** Calls back when a token has expired; what it gives back is for `clearTimeout`. */
export function atEnd({ expiresAtMs }: Pick<AccessTokenClaims, 'expiresAtMs'>, onEnd: () => void): NodeJS.Timeout {
  const left = Math.max(0, endOf(expiresAtMs) - Date.now());
  return setTimeout(onEnd, Math.min(left + 1, LONGEST_MS)).unref();
}

function endOf(expiresAtMs: number): number {
  return expiresAtMs + TOKEN_CLOCK_TOLERANCE_S * 1000;
}
