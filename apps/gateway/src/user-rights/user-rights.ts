import type { LocalReference, Reach } from '#smart';

/** Who acts, as the token says. */
export interface ActingUser {
  /** The user's own resource on the FHIR server; absent when the token names none there. */
  readonly resource?: LocalReference;
  /** The patient that the token is about. */
  readonly patient?: string;
}

/**
 * Says whose data a user may see. It cuts `user/` scopes, and the `patient/` scopes of a user who is not that patient
 * (security.md, Enforcement). Where nobody answers, nobody is reached.
 */
export interface UserRights {
  reachOf(user: ActingUser): Reach;
}
