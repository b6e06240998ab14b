import { isResourceType } from '../definitions/r4.js';
import type { FhirResource } from '../definitions/element-values.js';
import { isOfPatient, linksOf, membershipOf } from './patient-compartment.js';
import type { LocalReference } from './reference.js';

/** How a resource stands to a patient's record. */
export type Standing =
  | { readonly kind: 'theirs' }
  /** About no patient: what theirs refers to. */
  | { readonly kind: 'nobodys' }
  /** Theirs exactly when all of these are, which stand elsewhere on the server. */
  | { readonly kind: 'if-theirs'; readonly links: readonly LocalReference[] }
  | { readonly kind: 'foreign' };

/**
 * How a resource stands to the record of one patient, by what it says itself: what `Patient/[id]/$everything` may hold
 * (R4, Patient). What is about no patient and belongs to nothing that could be, such as terminology, is foreign.
 *
 * @param bases see `localReference`
 */
export function standingTo(patient: string, resource: FhirResource, bases: readonly string[]): Standing {
  const type = resource.resourceType;
  if (!isResourceType(type)) return { kind: 'foreign' };
  const { kind } = membershipOf(type);
  switch (kind) {
    case 'patient':
    case 'member':
      return { kind: isOfPatient(resource, type, patient, bases) ? 'theirs' : 'foreign' };
    case 'shared':
      return { kind: 'nobodys' };
    case 'linked': {
      const links = linksOf(resource, bases);
      return links ? { kind: 'if-theirs', links } : { kind: 'foreign' };
    }
    case 'outside':
      return { kind: 'foreign' };
    default:
      return kind satisfies never;
  }
}
