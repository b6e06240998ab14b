import type { FhirResource } from '#smart';
import { NoLongerAllowed, UpstreamFailed } from '../ask-upstream/upstream-failed.js';
import type { Answering } from './answering.js';
import { patientsOf, resourcesIn } from './named-patients.js';
import { NotAnswered } from './not-answered.js';

/** Of whom resources tell, for the record of them. */
export interface ToldOf {
  /** Their ids on the FHIR server. */
  readonly patients: readonly string[];
  /** False where there may be others. */
  readonly areAll: boolean;
}

export const ofNobody: ToldOf = { patients: [], areAll: true };

/**
 * Of whom a resource tells, in whatever carries it: those whom it names, and where it is a Provenance or a Binary those whom what it
 * belongs to names, seen or not.
 *
 * @param at what that is read with; undefined where nothing can be read
 */
export async function whomItTellsOf(
  resource: FhirResource,
  bases: readonly string[],
  at: Answering | undefined,
): Promise<ToldOf> {
  const patients = [...patientsOf(resource, bases)];
  let areAll = true;
  for (const each of resourcesIn(resource)) {
    if (!belongsToOthers(each)) continue;
    const belongings = at && (await belongingsOf(each, at));
    if (belongings) patients.push(...belongings.flatMap((it) => patientsOf(it, bases)));
    else areAll = false;
  }
  return { patients, areAll };
}

/** All of them together. */
export function together(...all: readonly ToldOf[]): ToldOf {
  return { patients: all.flatMap(({ patients }) => patients), areAll: all.every(({ areAll }) => areAll) };
}

/** For a record that tells of others than it names. */
export function incompleteUnless(areAll: boolean): { readonly patientsIncomplete?: true } {
  return areAll ? {} : { patientsIncomplete: true };
}

function belongsToOthers({ resourceType }: FhirResource): boolean {
  return resourceType === 'Provenance' || resourceType === 'Binary';
}

async function belongingsOf(resource: FhirResource, at: Answering): Promise<readonly FhirResource[] | undefined> {
  try {
    return await at.belongingsOf(resource);
  } catch (error) {
    const isOfServer =
      error instanceof UpstreamFailed || error instanceof NotAnswered || error instanceof NoLongerAllowed;
    if (!isOfServer) throw error;
    return undefined;
  }
}
