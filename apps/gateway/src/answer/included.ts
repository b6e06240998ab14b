import {
  type FhirResource,
  isResource,
  isResourceType,
  localReference,
  type QueryParameter,
  searchParameterOf,
  valuesAt,
} from '#smart';
import type { Answering } from './answering.js';
import type { Entry } from './read-page.js';

/** One `_include` or `_revinclude`. */
interface Include {
  readonly source: string;
  readonly code: string;
  readonly target: string | undefined;
  readonly reverse: boolean;
  readonly iterate: boolean;
}

/** Resources of other types that carry others, or say what the FHIR server thinks. */
const never: ReadonlySet<string> = new Set(['OperationOutcome', 'Bundle', 'Parameters', 'Subscription', 'Binary']);

/**
 * Of what the FHIR server put beside the matches, what was asked for: resources that a served match refers to by an
 * `_include`, or that refer to one by a `_revinclude`, and that may be seen themselves. What came along with a match
 * that is hidden, or with none, stays here.
 */
export async function includedWith(
  matches: readonly FhirResource[],
  others: readonly Entry[],
  params: readonly QueryParameter[],
  at: Answering,
): Promise<readonly FhirResource[]> {
  const includes = params.flatMap(readInclude);
  if (includes.length === 0) return [];
  const candidates = new Map<string, FhirResource>();
  for (const { resource } of others)
    if (isResource(resource) && !never.has(resource.resourceType)) candidates.set(keyOf(resource), resource);
  for (const match of matches) candidates.delete(keyOf(match));

  const found = new Set<string>();
  let frontier = matches;
  for (let round = 0; frontier.length > 0; round++) {
    const reached = new Map<string, FhirResource>();
    for (const include of includes) {
      if (round > 0 && !include.iterate) continue;
      const letter = include.reverse ? 's' : 'r';
      const more = [...reachedBy(include, frontier, candidates, at.sight.bases)].filter(
        ([key]) => !found.has(key) && !reached.has(key),
      );
      await at.foresee(
        more.map(([, resource]) => resource),
        letter,
      );
      for (const [key, resource] of more) if (await at.sees(resource, letter)) reached.set(key, resource);
    }
    for (const key of reached.keys()) found.add(key);
    frontier = [...reached.values()];
    frontier.forEach((resource) => at.saw(resource));
  }
  return [...candidates].filter(([key]) => found.has(key)).map(([, resource]) => resource);
}

function readInclude({ name, value }: QueryParameter): readonly Include[] {
  const [, reverse, iterate] = /^_(rev)?include(:iterate)?$/.exec(name) ?? [];
  if (!/^_(rev)?include/.test(name)) return [];
  const [source = '', code = '', target] = value.split(':');
  return [{ source, code, target, reverse: reverse !== undefined, iterate: iterate !== undefined }];
}

function* reachedBy(
  { source, code, target, reverse }: Include,
  frontier: readonly FhirResource[],
  candidates: ReadonlyMap<string, FhirResource>,
  bases: readonly string[],
): Iterable<readonly [string, FhirResource]> {
  const from = reverse ? [...candidates.values()] : frontier;
  const to = reverse ? new Map(frontier.map((it) => [keyOf(it), it])) : candidates;
  for (const resource of from) {
    if (resource.resourceType !== source) continue;
    for (const key of referredTo(resource, code, target, bases)) {
      const named = to.get(key);
      if (!named) continue;
      yield reverse ? [keyOf(resource), resource] : [key, named];
    }
  }
}

/** The keys of what a resource refers to by a search parameter. */
function referredTo(
  resource: FhirResource,
  code: string,
  target: string | undefined,
  bases: readonly string[],
): readonly string[] {
  const type = resource.resourceType;
  const parameter = isResourceType(type) ? searchParameterOf(type, code) : undefined;
  return (parameter?.paths ?? []).flatMap((path) =>
    valuesAt(resource, path)
      .map((value) => localReference(value, bases))
      .filter((it) => it !== undefined)
      .filter((it) => (target === undefined || it.type === target) && (!path.target || it.type === path.target))
      .map((it) => `${it.type}/${it.id}`),
  );
}

export function keyOf({ resourceType, id }: FhirResource): string {
  return `${resourceType}/${typeof id === 'string' ? id : ''}`;
}
