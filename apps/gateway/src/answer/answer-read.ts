import { extentOf, type FhirInteraction, isResource, type ResourceType, type Sight, upstreamTarget } from '#smart';
import type { Answering, CheckedAnswer } from './answering.js';
import { notThere, wrongAnswer } from './not-answered.js';

type Read = Extract<FhirInteraction, { readonly kind: 'read' | 'vread' }>;

/**
 * Answers a read of a resource, or of a version of it. What may not be seen is answered as what is not there. An old
 * version is seen by whom the current one is seen: a resource that went to another patient takes its past along.
 */
export async function answerRead(interaction: Read, at: Answering): Promise<CheckedAnswer> {
  const { kind, type, id } = interaction;
  const target = upstreamTarget(interaction);
  if (!target) throw wrongAnswer('a read that has no target');
  const { resource, text, ...headers } = await at.ask(target);
  if (!isResource(resource) || resource.resourceType !== type || resource['id'] !== id)
    throw wrongAnswer('the upstream answered another resource');
  if (!(await at.sees(resource, 'r'))) throw notThere(at.whyHidden(resource));
  // What was judged is what leaves: of two members of one name a caller may read the other.
  if (seesAllOf(type, at.sight)) return { resource, text, ...headers };
  if (kind === 'vread') {
    const current = await at.readOrNothing(type, id);
    if (!current || !(await at.sees(current, 'r'))) throw notThere('the current version is not in sight');
  }
  return { resource, ...headers };
}

/** Whether nothing of a type is hidden. */
export function seesAllOf(type: ResourceType, { scopes, reaches }: Sight, interaction: 'r' | 's' = 'r'): boolean {
  return scopes.some((scope) => extentOf(scope, type, interaction, reaches) === 'whole');
}
