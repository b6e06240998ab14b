import { membershipOf } from '../compartments/patient-compartment.js';
import { markedElementsOf, type ResourceType } from '../definitions/r4.js';
import type { QueryParameter } from '../interactions/interaction.js';
import type { ResourceScope, ScopeParameter } from '../scopes/scope.js';
import { extentOf, type Sight } from './sight.js';

/** How a search is asked of the guarded server, so that little comes back that may not be seen. */
export interface NarrowedSearch {
  /** All of the type may be seen: nothing can be hidden in what comes back, and the server's own count is honest. */
  readonly whole: boolean;
  /** One search after the other. */
  readonly phases: readonly SearchPhase[];
}

export interface SearchPhase {
  readonly added: readonly QueryParameter[];
  /** A resource that one of these finds was found in an earlier phase. */
  readonly foundBefore: readonly ScopeParameter[];
}

/** Nothing is added: each resource that comes back is judged anyway. */
export const asAsked: readonly SearchPhase[] = [{ added: [], foundBefore: [] }];

/**
 * Narrows a search on one type to what the token may see of it. Under `patient/` scopes that is what is about the
 * patient, and, where a resource need not say whom it is about, in further searches what the patient took part in.
 * Nothing that may be seen is left out; what comes back is still to be judged, since servers drop parameters.
 */
export function narrowSearch(type: ResourceType, params: readonly QueryParameter[], sight: Sight): NarrowedSearch {
  const reaching: ResourceScope[] = [];
  for (const scope of sight.scopes) {
    const extent = extentOf(scope, type, 's', sight.reaches);
    if (extent === 'whole') return { whole: true, phases: asAsked };
    if (extent === 'part' && scope.kind === 'resource') reaching.push(scope);
  }
  const granular = commonCondition(reaching);
  const patients = new Set<string>();
  for (const { context } of reaching) {
    const reach = sight.reaches[context];
    if (reach.kind === 'patient') patients.add(reach.id);
    else return { whole: false, phases: [{ added: granular, foundBefore: [] }] };
  }
  const conditions = ofPatients(type, params, [...patients]);
  const phases = conditions.map((condition, index) => ({
    added: [condition, ...granular],
    foundBefore: conditions.slice(0, index),
  }));
  return { whole: false, phases: phases.length > 0 ? phases : [{ added: granular, foundBefore: [] }] };
}

/** What every scope that reaches demands alike; a scope with another condition, or none, leaves nothing to add. */
function commonCondition(scopes: readonly ResourceScope[]): readonly QueryParameter[] {
  const [first, ...others] = scopes;
  return (first?.params ?? []).filter((param) =>
    others.every(({ params }) => params.some(({ name, value }) => name === param.name && value === param.value)),
  );
}

/** What finds a patient's resources of a type, one search each; empty where no search can. */
function ofPatients(
  type: ResourceType,
  params: readonly QueryParameter[],
  ids: readonly string[],
): readonly QueryParameter[] {
  const { kind, subject, actors } = membershipOf(type);
  if (kind === 'patient') return [{ name: '_id', value: ids.join(',') }];
  if (kind !== 'member') return [];
  const value = ids.map((id) => `Patient/${id}`).join(',');
  const tookPart = actors.map((name) => ({ name, value }));
  if (subject === undefined) return tookPart;
  const about = { name: subject, value };
  return mustSayWhom(type) || asksWhom(params) ? [about] : [about, ...tookPart];
}

/** Whether every resource of a type has the element that says whom it is about. */
function mustSayWhom(type: ResourceType): boolean {
  const { mandatory } = markedElementsOf(type);
  return membershipOf(type).subjectPaths.every(({ steps: [step] }) => step && mandatory.includes(step.name));
}

/** Whether the search itself asks for what is about somebody, so that what names nobody cannot be found. */
function asksWhom(params: readonly QueryParameter[]): boolean {
  return params.some(({ name }) => /^(patient|subject|beneficiary|individual)(:Patient)?$/.test(name));
}
