import type { LocalReference, Reach, ScopeContext } from '#smart';
import type { ToldIdentity } from '../ask-rights/call-rights.js';
import type { RightToSee } from '../ask-rights/right-to-see.js';
import type { AccessTokenClaims } from '../believe-token/access-token-claims.js';

/** Who acts, as the token says. */
export interface ActingUser {
  /** The user's own resource on the FHIR server; absent when the token names none there. */
  readonly resource?: LocalReference;
  /** The patient that the token is about. */
  readonly patient?: string;
}

/** What is known of a user's call before anything of it is carried out. */
export interface UserCall {
  /** The user's own resource on the FHIR server. */
  readonly user: LocalReference;
  readonly claims: Pick<AccessTokenClaims, 'subject' | 'clientId' | 'applicationId' | 'patient' | 'scopes'>;
  /** What the application was approved for: codes of v3 PurposeOfUse. */
  readonly purposesOfUse: readonly string[];
}

/**
 * Says whose data a user may see. It cuts `user/` scopes, and the `patient/` scopes of a user who is not that patient
 * (security.md, Enforcement). Where nobody answers, nobody is reached.
 *
 * Three kinds: a rule says it at once (`reachOf` alone); somebody is asked about each resource (`rightOf`); the FHIR
 * server keeps to it itself and is told who acts (`identityOf`).
 */
export interface UserRights {
  /** As records name whoever says it. */
  readonly by: string;
  /** Whose data the user may see at most. */
  reachOf(user: ActingUser): Reach;
  /** Who is asked about each resource that scopes of these contexts reach. */
  rightOf?(call: UserCall, contexts: ReadonlySet<ScopeContext>): RightToSee;
  /** What the FHIR server is told of who acts. */
  identityOf?(call: UserCall): ToldIdentity;
}
