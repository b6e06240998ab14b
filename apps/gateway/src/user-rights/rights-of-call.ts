import {
  localReference,
  type LocalReference,
  type Reach,
  type Reaches,
  type ScopeContext,
  systemReaches,
} from '#smart';
import { CallRights, type ToldIdentity } from '../ask-rights/call-rights.js';
import type { RightToSee } from '../ask-rights/right-to-see.js';
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
 * @param admitted      who says of which patients the application sees anything
 */
export function rightsOfCall(
  claims: UsersClaims,
  from: UserRights,
  bases: readonly string[],
  purposesOfUse: readonly string[] = [],
  admitted: readonly RightToSee[] = none,
): RightsOfCall {
  const { patient, fhirUser } = claims;
  if (patient === undefined && fhirUser === undefined)
    return admitted.length === 0 ? system : asked(systemReaches, admitted);
  const resource = fhirUser === undefined ? undefined : localReference(fhirUser, bases);
  const user = from.reachOf({
    ...(resource === undefined ? {} : { resource }),
    ...(patient === undefined ? {} : { patient }),
  });
  const reaches = {
    system: systemReaches.system,
    user,
    patient: patientReach(patient, user),
    ...(resource === undefined ? {} : { own: resource }),
  };
  if (!resource || user.kind === 'nobody') return asked(reaches, admitted);
  const call = { user: resource, claims, purposesOfUse };
  const identity = from.identityOf?.(call);
  const contexts = contextsCut(claims, resource);
  if (!contexts) return asked(reaches, admitted, identity, identity ? [from.by] : []);
  const right = from.rightOf?.(call, contexts);
  return right ? asked(reaches, [right, ...admitted]) : asked(reaches, admitted, identity, [from.by]);
}

const none: readonly RightToSee[] = [];

/** Scopes reach so far, and all of these have to be asked, or told. */
function asked(
  reaches: Reaches,
  rights: readonly RightToSee[],
  identity?: ToldIdentity,
  by: readonly string[] = [],
): RightsOfCall {
  if (rights.length === 0 && !identity && by.length === 0) return { reaches };
  const all = new CallRights(rights, identity, by);
  return { reaches: rights.length === 0 ? reaches : { ...reaches, asked: all }, rights: all };
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
