import { type FhirInteraction, type FhirResource, isResource, upstreamTarget } from '#smart';
import type { LargeAnswer } from '../ask-upstream/upstream-answer.js';
import { isTooLarge, UpstreamFailed } from '../ask-upstream/upstream-failed.js';
import { LargeBody } from '../pass-large-body/large-body.js';
import { isAskedFor, mayPass, saysWhatItBelongsTo } from '../pass-large-body/large-read.js';
import type { Answering, CheckedAnswer } from './answering.js';
import { notThere, wrongAnswer } from './not-answered.js';
import { seesAllOf } from './sees-all-of.js';

type Read = Extract<FhirInteraction, { readonly kind: 'read' | 'vread' }>;

/**
 * Answers a read of a resource, or of a version of it. What may not be seen is answered as what is not there. An old
 * version is seen by whom the current one is seen: a resource that went to another patient takes its past along.
 */
export async function answerRead(interaction: Read, at: Answering): Promise<CheckedAnswer> {
  const { kind, type, id } = interaction;
  const target = upstreamTarget(interaction);
  if (!target) throw wrongAnswer('a read that has no target');
  let body: LargeBody | undefined;
  const asked = at.read(target, (head) => {
    body = new LargeBody(head);
    const begun = body.begun();
    return begun !== undefined && mayPass(begun, interaction, at.sight);
  });
  const answer = await asked.catch(async (error: unknown) => await notGiven(error, interaction, body, at));
  if ('rest' in answer) return await passedBy(answer, body, at);
  const { resource, text, ...headers } = answer;
  if (!isResource(resource) || !isAskedFor(interaction, resource))
    throw wrongAnswer('the upstream answered another resource');
  if (!(await at.seesRead(resource))) throw notThere(at.whyHidden(resource));
  // What was judged is what leaves: of two members of one name a caller may read the other.
  if (seesAllOf(type, at.sight)) return { resource, text, ...headers };
  if (kind === 'vread') {
    const current = await at.readOrNothing(type, id);
    if (!current || !(await at.seesRead(current))) throw notThere('the current version is not in sight');
  }
  const shownBy = await at.shownBy(resource);
  const by = [...at.judgedBy(resource), ...(shownBy ? [shownBy] : [])];
  return { resource, ...(by.length === 0 ? {} : { about: [resource, ...by] }), ...headers };
}

/**
 * The FHIR server gave nothing, or more than is taken. That there is something is told to whom it is seen for certain, by its
 * beginning or by what shows it.
 *
 * @throws NotAnswered, UpstreamFailed
 */
async function notGiven(error: unknown, read: Read, body: LargeBody | undefined, at: Answering): Promise<never> {
  const { type, id } = read;
  if (error instanceof UpstreamFailed && error.answer.status === 404) await at.askAsIfThere(type, id);
  if (!isTooLarge(error) || seesAllOf(type, at.sight)) throw error;
  const begun = body?.resource;
  const known: FhirResource = begun && isAskedFor(read, begun) ? begun : { resourceType: type, id };
  const isSeen = saysWhatItBelongsTo(known, at.sight) ? await at.seesRead(known) : await at.isShown(known);
  if (isSeen) throw error;
  throw notThere('it is too large to be looked at');
}

/** A resource that is judged by its beginning, while the rest waits at the FHIR server. */
async function passedBy(
  { head: _, rest, bounds, ...headers }: LargeAnswer,
  body: LargeBody | undefined,
  at: Answering,
): Promise<CheckedAnswer> {
  try {
    const resource = body?.resource;
    if (!body || !resource) throw wrongAnswer('a large body without a beginning');
    if (!(await at.sees(resource, 'r'))) throw notThere(at.whyHidden(resource));
    const by = at.judgedBy(resource);
    return { resource, large: { body, rest, bounds }, ...(by.length === 0 ? {} : { about: by }), ...headers };
  } catch (error) {
    rest.destroy();
    throw error;
  }
}
