import { localReference, type Reach, type Reaches, systemReaches } from '#smart';
import type { AccessTokenClaims } from '../believe-token/access-token-claims.js';
import type { UserRights } from './user-rights.js';

/**
 * Whose data the scopes of a token reach: `user/` what the user may see, `patient/` the patient that the token names, if
 * the user is that patient or may see that one too.
 *
 * @param bases base URLs that `fhirUser` may have
 */
export function reachesOf(
  { patient, fhirUser }: Pick<AccessTokenClaims, 'patient' | 'fhirUser'>,
  rights: UserRights,
  bases: readonly string[],
): Reaches {
  if (patient === undefined && fhirUser === undefined) return systemReaches;
  const resource = fhirUser === undefined ? undefined : localReference(fhirUser, bases);
  const user = rights.reachOf({
    ...(resource === undefined ? {} : { resource }),
    ...(patient === undefined ? {} : { patient }),
  });
  return { system: systemReaches.system, user, patient: patientReach(patient, user) };
}

function patientReach(patient: string | undefined, user: Reach): Reach {
  if (patient === undefined) return systemReaches.patient;
  if (user.kind === 'nobody') return user;
  const isTheirs = user.kind === 'everybody' || user.id === patient;
  return isTheirs
    ? { kind: 'patient', id: patient }
    : { kind: 'nobody', why: 'The user may not see the patient that the token names.' };
}
