import { randomUUID } from 'node:crypto';
import { serialiseScopes } from '#smart';
import { askedScopes } from '../ask-authorization/asked-scopes.js';
import type { AdmittedRequest } from '../authenticate-client/admitted-clients.js';
import type { UserGrant } from '../consent/user-grants.js';
import type { SigningKey } from '../sign-tokens/key-service.js';
import { signJwt } from '../sign-tokens/sign-jwt.js';

/** How long an id_token is good for, in seconds: it says who signed in, and opens nothing. */
const idTokenLife = 3_600;

/** An access token that was signed and has not left. */
export interface SignedToken {
  readonly value: string;
  readonly tokenId: string;
  readonly scopes: readonly string[];
  /** Seconds. */
  readonly expiresIn: number;
  /** RFC 3339. */
  readonly expiresAt: string;
}

/**
 * What a grant's token may do now: what the user agreed to, as far as it is still approved, and no more than is asked
 * for here. Undefined when nothing is left, or when more is asked than was agreed to.
 */
export function scopesNow(
  grant: Pick<UserGrant, 'scopes'>,
  { access }: AdmittedRequest,
  wanted?: string,
): readonly string[] | undefined {
  const standing = askedScopes(grant.scopes.join(' '), access.scopes);
  if (!standing.ok) return undefined;
  const scopes = serialiseScopes(standing.scopes).split(' ');
  if (wanted === undefined) return scopes;
  const narrowed = askedScopes(wanted, scopes);
  if (!narrowed.ok) return undefined;
  const asked = new Set(wanted.split(' '));
  const given = serialiseScopes(narrowed.scopes).split(' ');
  return given.length === asked.size && given.every((scope) => asked.has(scope)) ? given : undefined;
}

/** An access token for the FHIR API (RFC 9068), which says on what it rests. */
export async function signAccessToken(of: {
  readonly key: SigningKey;
  readonly issuer: string;
  readonly audience: string;
  readonly grant: UserGrant;
  readonly admitted: AdmittedRequest;
  readonly scopes: readonly string[];
  readonly life: number;
}): Promise<SignedToken> {
  const { grant, admitted, scopes, issuer, audience } = of;
  const { access, key, jkt } = admitted;
  const now = Math.floor(Date.now() / 1000);
  const expiresIn = Math.max(1, Math.min(of.life, Math.floor(Date.parse(access.expiresAt) / 1000) - now));
  const tokenId = randomUUID();
  const { patient, encounter, fhirUser, intent, tenant, fhirContext } = grant.context;
  const claims = {
    iss: issuer,
    aud: audience,
    sub: grant.userId,
    jti: tokenId,
    iat: now,
    exp: now + expiresIn,
    scope: scopes.join(' '),
    client_id: grant.clientId,
    gatehouse_application: access.applicationId,
    gatehouse_approval_version: access.approvalVersion,
    gatehouse_epoch: access.epoch,
    gatehouse_grant: grant.grantId,
    ...(key === undefined ? {} : { gatehouse_key: key.thumbprint }),
    ...(jkt === undefined ? {} : { cnf: { jkt } }),
    ...(patient === undefined ? {} : { patient }),
    ...(encounter === undefined ? {} : { encounter }),
    ...(fhirUser === undefined ? {} : { fhirUser }),
    // Told again to whoever introspects the token.
    ...(intent === undefined ? {} : { intent }),
    ...(tenant === undefined ? {} : { tenant }),
    ...(fhirContext === undefined ? {} : { fhirContext }),
  };
  const value = await signJwt(of.key, claims, { typ: 'at+jwt' });
  return { value, tokenId, scopes, expiresIn, expiresAt: new Date((now + expiresIn) * 1000).toISOString() };
}

/** Who signed in (OpenID Connect Core 1.0, 2), RS256 (SMART App Launch 2.2, 5.1.2). */
export async function signIdToken(of: {
  readonly key: SigningKey;
  readonly issuer: string;
  readonly fhirBase: string;
  readonly grant: UserGrant;
  readonly scopes: readonly string[];
  readonly authTime?: number;
}): Promise<string> {
  const { grant, scopes, issuer, fhirBase, authTime } = of;
  const { fhirUser, nonce } = grant.context;
  const now = Math.floor(Date.now() / 1000);
  return signJwt(of.key, {
    iss: issuer,
    aud: grant.clientId,
    sub: grant.userId,
    iat: now,
    exp: now + idTokenLife,
    ...(nonce === undefined ? {} : { nonce }),
    ...(authTime === undefined ? {} : { auth_time: authTime }),
    ...(scopes.includes('fhirUser') && fhirUser !== undefined ? { fhirUser: `${fhirBase}/${fhirUser}` } : {}),
  });
}
