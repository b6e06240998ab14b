import {
  localReference,
  type LocalReference,
  type Reach,
  type Reaches,
  type ScopeContext,
  systemReaches,
} from '#smart';
import { CallRights } from '../ask-rights/call-rights.js';
import type { AccessTokenClaims } from '../believe-token/access-token-claims.js';
import type { UserRights } from './user-rights.js';

/** Whose data the scopes of a call reach, and what others have to say of it. */
export interface RightsOfCall {
  readonly reaches: Reaches;
  /** Absent where nobody acts but the application. */
  readonly rights?: CallRights;
}

type UsersClaims = Pick<
  AccessTokenClaims,
  'subject' | 'clientId' | 'applicationId' | 'patient' | 'fhirUser' | 'scopes'
>;

const system: RightsOfCall = { reaches: systemReaches };

/**
 * Whose data the scopes of a token reach: `user/` what the user may see, `patient/` the patient that the token names, if
 * the user is that patient or may see that one too.
 *
 * @param bases         base URLs that `fhirUser` may have
 * @param purposesOfUse what the application was approved for
 */
export function rightsOfCall(
  claims: UsersClaims,
  from: UserRights,
  bases: readonly string[],
  purposesOfUse: readonly string[] = [],
): RightsOfCall {
  const { patient, fhirUser } = claims;
  if (patient === undefined && fhirUser === undefined) return system;
  const resource = fhirUser === undefined ? undefined : localReference(fhirUser, bases);
  const user = from.reachOf({
    ...(resource === undefined ? {} : { resource }),
    ...(patient === undefined ? {} : { patient }),
  });
  const reaches = { system: systemReaches.system, user, patient: patientReach(patient, user) };
  if (!resource || user.kind === 'nobody') return { reaches };
  const call = { user: resource, claims, purposesOfUse };
  const identity = from.identityOf?.(call);
  const contexts = contextsCut(claims, resource);
  if (!contexts) return identity ? { reaches, rights: new CallRights([], identity, [from.by]) } : { reaches };
  const right = from.rightOf?.(call, contexts);
  if (!right) return { reaches, rights: new CallRights([], identity, [from.by]) };
  const rights = new CallRights([right], identity);
  return { reaches: { ...reaches, asked: rights }, rights };
}

const cuts = {
  user: new Set<ScopeContext>(['user']),
  patient: new Set<ScopeContext>(['patient']),
  both: new Set<ScopeContext>(['user', 'patient']),
} as const;

/** The contexts of the token's scopes that are cut: of users `user/`, of users who are not that patient `patient/`. */
function contextsCut(
  { patient, scopes }: UsersClaims,
  { type, id }: LocalReference,
): ReadonlySet<ScopeContext> | undefined {
  const isThatPatient = type === 'Patient' && id === patient;
  const has = (context: ScopeContext) => scopes.some((it) => it.kind === 'resource' && it.context === context);
  const cutsPatients = !isThatPatient && has('patient');
  if (has('user')) return cutsPatients ? cuts.both : cuts.user;
  return cutsPatients ? cuts.patient : undefined;
}

function patientReach(patient: string | undefined, user: Reach): Reach {
  if (patient === undefined) return systemReaches.patient;
  if (user.kind === 'nobody') return user;
  const isTheirs = user.kind === 'everybody' || user.id === patient;
  return isTheirs
    ? { kind: 'patient', id: patient }
    : { kind: 'nobody', why: 'The user may not see the patient that the token names.' };
}
