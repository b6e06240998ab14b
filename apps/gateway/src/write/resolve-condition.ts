import {
  isResource,
  matchesParameter,
  narrowSearch,
  type QueryParameter,
  type ResourceType,
  understandCondition,
  upstreamTarget,
} from '#smart';
import type { Answering } from '../answer/answering.js';
import { NotAnswered, wrongAnswer } from '../answer/not-answered.js';
import { collectMatches } from '../answer/collect-matches.js';
import type { Entry } from '../answer/read-page.js';
import { fhirError } from '../proxy/operation-outcome.js';

/**
 * The one resource that a condition means among those that the token finds, by its id; undefined when it finds none.
 * What the FHIR server gives is held against the condition itself: a parameter that it dropped would name another.
 *
 * @throws NotAnswered (412) when there are several
 */
export async function resolveCondition(
  type: ResourceType,
  params: readonly QueryParameter[],
  at: Answering,
): Promise<string | undefined> {
  const condition = understandCondition(type, params);
  if (!condition.ok) throw new NotAnswered(fhirError(403, 'not-supported', condition.reason), condition.reason);
  const narrowed = narrowSearch(type, condition.params, at.sight);
  const search = { kind: 'search-type', type, params: condition.params, via: 'get' } as const;
  const ids = new Set<string>();
  const idIn = async ({ resource }: Entry): Promise<string | undefined> => {
    if (!isResource(resource) || resource.resourceType !== type) return undefined;
    const { id } = resource;
    if (typeof id !== 'string' || ids.has(id)) return undefined;
    if (!condition.params.every((it) => matchesParameter(resource, type, it, at.sight.bases))) return undefined;
    if (!(await at.sees(resource, 's'))) return undefined;
    ids.add(id);
    return id;
  };
  const { matches } = await collectMatches(
    {
      from: { phase: 0, skip: 0 },
      count: 2,
      phases: narrowed.phases.map(({ added }) => {
        const target = upstreamTarget(search, added);
        if (!target) throw wrongAnswer('a search that has no target');
        return target;
      }),
      letter: 's',
      whole: narrowed.whole,
      match: idIn,
    },
    at,
  );
  if (matches.length > 1)
    throw new NotAnswered(
      fhirError(412, 'multiple-matches', 'The condition means several resources.'),
      'several matches',
    );
  return matches[0];
}
