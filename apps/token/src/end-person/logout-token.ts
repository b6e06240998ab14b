import type { JWTPayload, JWTHeaderParameters } from 'jose';

/** How old a logout token may be, in seconds. */
const longestLife = 300;
const logoutEvent = 'http://schemas.openid.net/event/backchannel-logout';

/** Whose sessions a provider has ended. */
export interface Logout {
  readonly issuer: string;
  readonly subject: string;
  /** One of their sessions; all of them where it is absent. */
  readonly session?: string;
  /** What goes on without the person ends as well, in Keycloak's words. */
  readonly offlineAccess: boolean;
}

export type ReadLogout =
  { readonly ok: true; readonly logout: Logout } | { readonly ok: false; readonly fault: string };

/**
 * What a token whose signature, issuer and audience hold says, by the rules for logout tokens (OpenID Connect Back-Channel
 * Logout 1.0, 2.4 and 2.6); no id_token and no access token passes for one. A token without `sub` names nobody here.
 *
 * @param now       seconds since 1970
 * @param tolerance how far clocks may be apart, in seconds
 */
export function readLogout(
  { typ }: Pick<JWTHeaderParameters, 'typ'>,
  { iss, sub, sid, iat, exp, jti, nonce, events }: JWTPayload,
  now: number,
  tolerance: number,
): ReadLogout {
  if (typ !== undefined && !/^(application\/)?(logout\+jwt|jwt)$/i.test(typ)) return fault('typ must be logout+jwt');
  if (nonce !== undefined) return fault('a logout token has no nonce');
  if (typeof iss !== 'string' || typeof sub !== 'string' || sub === '') return fault('iss and sub are required');
  if (typeof jti !== 'string' || jti === '') return fault('jti is required');
  if (typeof iat !== 'number' || typeof exp !== 'number') return fault('iat and exp are required');
  if (iat > now + tolerance || iat < now - longestLife - tolerance) return fault('it was not made just now');
  if (sid !== undefined && (typeof sid !== 'string' || sid === '')) return fault('sid must be a text');
  if (!isRecord(events) || !isRecord(events[logoutEvent])) return fault('events must name the back-channel logout');
  return {
    ok: true,
    logout: {
      issuer: iss,
      subject: sub,
      ...(sid === undefined ? {} : { session: sid }),
      offlineAccess: events['revoke_offline_access'] === true,
    },
  };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function fault(text: string): ReadLogout {
  return { ok: false, fault: text };
}
