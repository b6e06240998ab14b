import { isDeepStrictEqual } from 'node:util';
import { type FhirInteraction, type FhirResource, membershipOf, patientsIn, type Sight } from '#smart';
import { seesAllOf } from '../answer/sees-all-of.js';
import type { Begun } from './abridged-json.js';

type Read = Extract<FhirInteraction, { readonly kind: 'read' | 'vread' }>;

/** Whether a resource is the one that was asked for. */
export function isAskedFor({ type, id }: Read, resource: FhirResource): boolean {
  return resource.resourceType === type && resource['id'] === id;
}

/**
 * Whether what has come of a resource is all that it is judged and recorded by, so that the rest, which is a long text, need not
 * be held: nothing of its type is hidden, and it names patients, where its type does; or it is a Binary whose `data` has begun,
 * and before it stands what it belongs to.
 */
export function mayPass({ resource, coming, isInLongText }: Begun, read: Read, sight: Sight): boolean {
  if (!isInLongText || !isAskedFor(read, resource)) return false;
  if (seesAllOf(read.type, sight)) return saysWhose(resource, read.type, sight);
  const isData = read.type === 'Binary' && read.kind === 'read' && coming === 'data';
  const { withheld, asked } = sight.reaches;
  // What is withheld, and what is asked about, may be told by a member that stands behind.
  if (!isData || withheld !== undefined || asked !== undefined) return false;
  return saysWhatItBelongsTo(resource, sight);
}

/** Whether nothing that stands behind what has come of a resource can say that it belongs to something hidden. */
export function saysWhatItBelongsTo(resource: FhirResource, sight: Sight): boolean {
  return resource.resourceType !== 'Binary' || resource['securityContext'] !== undefined || seesEverything(sight);
}

/** Whether it names its patients already: of one that broke off, those who stand behind would be in no record. */
function saysWhose(resource: FhirResource, type: Read['type'], { bases }: Sight): boolean {
  return membershipOf(type).kind !== 'member' || patientsIn(resource, type, bases).length > 0;
}

/**
 * Whether the whole is what was judged by its beginning. Behind a Binary's data `meta` may come: servers add it, and what is judged by
 * it (labels that withhold) keeps a Binary from passing (`mayPass`).
 */
export function isAsBegun(begun: FhirResource, whole: FhirResource): boolean {
  if (whole.resourceType !== 'Binary') return whole.resourceType === begun.resourceType && whole['id'] === begun['id'];
  const { data: _, meta, ...others } = whole;
  return isDeepStrictEqual(others, begun) || isDeepStrictEqual({ ...others, meta }, begun);
}

/** A scope for every type, and everybody: then it does not matter what a Binary belongs to. */
function seesEverything({ scopes, reaches }: Sight): boolean {
  return scopes.some(
    (it) =>
      it.kind === 'resource' &&
      it.type === '*' &&
      it.params.length === 0 &&
      it.interactions.includes('r') &&
      reaches[it.context].kind === 'everybody',
  );
}
