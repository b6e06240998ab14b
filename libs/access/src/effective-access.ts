import type { CallLimits } from '#contracts';
import type { AccessKey, AccessMetadata, AccessSecret, ApplicationAccess } from './application-access.js';

/** Why nobody is let in. */
export type ClosedBecause = 'undecodable' | 'revoked' | 'suspended' | 'not-approved' | 'not-active' | 'expired';

/** The access of an application at one moment. */
export interface EffectiveAccess extends AccessMetadata {
  readonly applicationId: string;
  readonly clientId: string;
  readonly ownerId: string;
  readonly status: 'open' | 'closed';
  /** Set when closed. */
  readonly why?: ClosedBecause;
  /** What is approved; empty when closed. */
  readonly scopes: readonly string[];
  /** Absent until something was approved. */
  readonly approvalVersion?: number;
  /** RFC 3339; absent until something was approved. */
  readonly expiresAt?: string;
  /** A token of an earlier epoch is dead for good. */
  readonly epoch: number;
  readonly keys: readonly AccessKey[];
  readonly secrets: readonly AccessSecret[];
  /** Tokens earned with one of these keys are dead. */
  readonly deadKeyThumbprints: readonly string[];
  /** Ids (`jti`) of access tokens that were revoked and have not expired. */
  readonly revokedTokens: ReadonlySet<string>;
  /** Ids of grants that ended before their time and of which an access token may not have expired. */
  readonly revokedGrants: ReadonlySet<string>;
  /** RFC 3339: grants made before it have ended. */
  readonly grantsClosedAt?: string;
  /** Ids of the FHIR endpoints that the approval covers; `*` is all of them. */
  readonly endpoints: readonly string[];
  /** What the approval says of how much may be called; absent when it says nothing. */
  readonly limits?: CallLimits;
}

/**
 * What an application may do at `nowMs` (milliseconds since 1970). Open only if approval approves, registration is
 * active and the expiry is ahead: whichever closes wins. Undefined while registration knows no such application.
 */
export function effectiveAccess(
  applicationId: string,
  state: ApplicationAccess,
  revoked: { readonly tokens: ReadonlySet<string>; readonly grants: ReadonlySet<string> },
  nowMs: number,
): EffectiveAccess | undefined {
  const { registration, approval, grantsClosedAt } = state;
  if (!registration) return undefined;
  const why = closedBecause(state, nowMs);
  return {
    applicationId,
    clientId: registration.clientId,
    ownerId: registration.ownerId,
    ...registration.metadata,
    status: why === undefined ? 'open' : 'closed',
    ...(why === undefined ? {} : { why }),
    scopes: why === undefined && approval ? approval.scopes : [],
    ...(approval ? { approvalVersion: approval.approvalVersion, expiresAt: approval.expiresAt } : {}),
    epoch: registration.epoch,
    keys: registration.keys,
    secrets: registration.secrets,
    deadKeyThumbprints: registration.deadKeyThumbprints,
    revokedTokens: revoked.tokens,
    revokedGrants: revoked.grants,
    ...(grantsClosedAt === undefined ? {} : { grantsClosedAt }),
    endpoints: approval?.endpoints ?? [],
    ...(approval?.limits === undefined ? {} : { limits: approval.limits }),
  };
}

function closedBecause(
  { undecodable, registration, approval }: ApplicationAccess,
  nowMs: number,
): ClosedBecause | undefined {
  if (undecodable) return 'undecodable';
  if (registration?.revoked) return 'revoked';
  if (registration?.suspended) return 'suspended';
  if (!approval) return 'not-approved';
  // Written so that an expiry that is not a time closes as well.
  if (approval.expired || !(Date.parse(approval.expiresAt) > nowMs)) return 'expired';
  if (!registration?.activated) return 'not-active';
  return undefined;
}

/** Where an application's pages come from: the origins that it registered, else those of its redirect URIs. */
export function originsOf({
  allowedOrigins,
  redirectUris,
}: Pick<EffectiveAccess, 'allowedOrigins' | 'redirectUris'>): readonly string[] {
  if (allowedOrigins.length > 0) return allowedOrigins;
  // A URI of a private scheme has the origin "null", which is that of everything sandboxed.
  return redirectUris.map((uri) => new URL(uri).origin).filter((origin) => origin !== 'null');
}

/** What an access token says of how it was earned. */
export interface TokenStanding {
  readonly tokenId: string;
  readonly epoch: number;
  /** Thumbprint of the client key that earned it, for clients that have keys. */
  readonly keyThumbprint?: string;
  /** The grant that it rests on, where a user agreed to one. */
  readonly grantId?: string;
}

/** Why a token is dead although it has not expired. */
export type TokenFault = 'closed' | 'old-epoch' | 'dead-key' | 'revoked' | 'grant-ended';

/**
 * Whether a token of the application still counts; undefined when it does. Looked at on every call, by the gateway as
 * by introspection. What the token may do is another question: its scopes and the approved ones together.
 */
export function tokenFault(access: EffectiveAccess, token: TokenStanding): TokenFault | undefined {
  if (access.status !== 'open') return 'closed';
  if (token.epoch !== access.epoch) return 'old-epoch';
  if (token.keyThumbprint !== undefined && access.deadKeyThumbprints.includes(token.keyThumbprint)) return 'dead-key';
  if (access.revokedTokens.has(token.tokenId)) return 'revoked';
  if (token.grantId !== undefined && access.revokedGrants.has(token.grantId)) return 'grant-ended';
  return undefined;
}

/** Whether the approval covers a FHIR endpoint, by its id. */
export function coversEndpoint({ endpoints }: Pick<EffectiveAccess, 'endpoints'>, endpoint: string): boolean {
  return endpoints.includes('*') || endpoints.includes(endpoint);
}
