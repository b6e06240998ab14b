import type { ResourceType } from '../definitions/r4.js';

/** For whom an app acts: one patient, the signed-in user, or itself (backend services). */
export type ScopeContext = 'patient' | 'user' | 'system';

/** Create, read, update (with patch), delete, search, in the order in which a v2 scope must name them. */
export type ScopeInteraction = 'c' | 'r' | 'u' | 'd' | 's';

/** The one order in which v2 names interactions. */
export const interactionsInOrder = ['c', 'r', 'u', 'd', 's'] as const satisfies readonly ScopeInteraction[];

/** Whether an interaction changes data. */
export function isWriteLetter(interaction: ScopeInteraction): interaction is 'c' | 'u' | 'd' {
  return interaction === 'c' || interaction === 'u' || interaction === 'd';
}

/** One `name=value` of a granular scope; `value` is decoded, and a comma in it means "or". */
export interface ScopeParameter {
  readonly name: string;
  readonly value: string;
}

/** Access to a resource type (SMART App Launch 2.2, Scopes for requesting FHIR resources). */
export interface ResourceScope {
  readonly kind: 'resource';
  readonly context: ScopeContext;
  readonly type: ResourceType | '*';
  /** At least one, each once, in the order c r u d s. */
  readonly interactions: readonly ScopeInteraction[];
  /** All must hold; empty for a scope that is not granular. */
  readonly params: readonly ScopeParameter[];
  /** The syntax in which it was asked, and is answered: `v1` is `.read`, `.write` or `.*`. */
  readonly syntax: 'v1' | 'v2';
}

/** Asks for launch context: from the EHR (`launch`), or chosen by the user. */
export interface LaunchScope {
  readonly kind: 'launch';
  readonly name: 'launch' | 'launch/patient' | 'launch/encounter';
}

/** Asks who the user is (OpenID Connect, and SMART's `fhirUser`). */
export interface IdentityScope {
  readonly kind: 'identity';
  readonly name: 'openid' | 'fhirUser' | 'profile';
}

/** Asks for a refresh token: past the session, or only as long as the user is signed in. */
export interface AccessDurationScope {
  readonly kind: 'duration';
  readonly name: 'offline_access' | 'online_access';
}

/** Everything that an app may ask for. */
export type Scope = ResourceScope | LaunchScope | IdentityScope | AccessDurationScope;
