import { parseScopeList, type Scope } from '#smart';
import type { TokenStanding } from '#access';
import type { JWTPayload } from 'jose';

/** What a verified access token says. */
export interface AccessTokenClaims extends TokenStanding {
  readonly applicationId: string;
  readonly clientId: string;
  readonly approvalVersion: number;
  readonly scopes: readonly Scope[];
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number;
}

/**
 * Reads the claims of an access token of ours (RFC 9068, with those of Gatehouse); undefined when one is missing or of
 * another shape, or when the token is bound to a key (`cnf`), since it came as a plain bearer token.
 */
export function readClaims(payload: JWTPayload): AccessTokenClaims | undefined {
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
  } = payload;
  if (cnf !== undefined || typeof exp !== 'number' || typeof jti !== 'string' || typeof scope !== 'string')
    return undefined;
  if (typeof clientId !== 'string' || typeof applicationId !== 'string') return undefined;
  if (typeof approvalVersion !== 'number' || typeof epoch !== 'number') return undefined;
  if (keyThumbprint !== undefined && typeof keyThumbprint !== 'string') return undefined;
  const parsed = parseScopeList(scope);
  if (!parsed.ok) return undefined;
  return {
    tokenId: jti,
    epoch,
    ...(keyThumbprint === undefined ? {} : { keyThumbprint }),
    applicationId,
    clientId,
    approvalVersion,
    scopes: parsed.scopes,
    expiresAtMs: exp * 1000,
  };
}
