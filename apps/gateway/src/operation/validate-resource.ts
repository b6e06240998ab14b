import {
  faultOfValidationParameters,
  type FhirResource,
  isObject,
  isResource,
  localReference,
  type OperationInteraction,
  type QueryParameter,
  writeParameters,
} from '#smart';
import type { Answering, CheckedAnswer } from '../answer/answering.js';
import { wrongAnswer } from '../answer/not-answered.js';
import { asServerTakesIt } from '../answer/our-urls.js';
import { planWrite } from '../write/plan-write.js';
import { malformed } from '../write/read-written-body.js';
import { type HarmlessIssue, harmlessOutcome, outcomeOf } from './harmless-outcome.js';
import { readOperationBody } from './read-operation-body.js';

/** `$validate` of a type, or of a resource that is there. */
export type Validation = Extract<OperationInteraction, { readonly level: 'type' | 'instance' }>;

/** Servers answer an invalid resource with one of these, or with 200. */
const INVALID = [400, 412, 422];

/**
 * Answers `$validate` (R4, Resource): what a write of it would be told. It is judged as that write is, before and after, and
 * what it refers to must be in sight: whether something is there shows in what a server finds wrong. Of the server's answer
 * the kinds of issues leave, and where they are.
 *
 * @param body a resource, or a Parameters with `resource`, `mode`, `profile`
 * @throws NotAnswered, UpstreamFailed
 */
export async function validateResource(call: Validation, body: unknown, at: Answering): Promise<CheckedAnswer> {
  const { resource, params } = whatIsValidated(call, body);
  const { type } = call;
  const write =
    call.level === 'type'
      ? ({ kind: 'create', type, params: [] } as const)
      : ({ kind: 'update', type, id: call.id, params: [] } as const);
  const plan = await planWrite({ interaction: write, body: resource, ifMatch: undefined }, at);
  if (plan.kind !== 'write' || plan.write.verb === 'delete') throw wrongAnswer('a validation that writes nothing');
  const { after } = plan.write;
  const unseen = await referencesOutOfSight(after, at);
  if (unseen.length > 0) return { resource: outcomeOf(unseen) };

  const query = writeParameters(params.filter(({ name }) => name !== '_format'));
  const path = call.level === 'type' ? `/${type}/$validate` : `/${type}/${call.id}/$validate`;
  const [upstream = '', ours = upstream] = at.sight.bases;
  const answer = await at.ask({
    method: 'POST',
    target: query === '' ? path : `${path}?${query}`,
    body: asServerTakesIt(JSON.stringify(after), ours, upstream),
    alsoWants: INVALID,
  });
  if (!isResource(answer.resource) || answer.resource.resourceType !== 'OperationOutcome')
    throw wrongAnswer('the upstream answered a validation with another resource');
  return { resource: harmlessOutcome(answer.resource, after) };
}

function whatIsValidated(call: Validation, body: unknown) {
  if (!isResource(body) || body.resourceType !== 'Parameters') return { resource: body, params: call.params };
  const read = readOperationBody(body);
  const [named, ...others] = read.resources;
  if (named?.name !== 'resource' || others.length > 0) throw malformed('a validation is of one parameter, resource');
  const params: readonly QueryParameter[] = [...call.params, ...read.params];
  const fault = faultOfValidationParameters(call.level, params);
  if (fault !== undefined) throw malformed(fault);
  return { resource: named.resource, params };
}

/**
 * An issue for each reference to what is not in sight: hidden and not there are told alike, without asking the server, and
 * so is what stands on another one.
 */
async function referencesOutOfSight(resource: FhirResource, at: Answering): Promise<readonly HarmlessIssue[]> {
  const issues: HarmlessIssue[] = [];
  for (const { place, text } of referencesIn(resource, resource.resourceType)) {
    if (text.startsWith('#')) continue;
    const link = localReference(text, at.sight.bases);
    if (link && (await at.seesElsewhere(link))) continue;
    issues.push({
      severity: 'error',
      code: 'not-found',
      diagnostics: 'This refers to nothing that is in sight here.',
      expression: [place],
    });
  }
  return issues;
}

function* referencesIn(value: unknown, place: string): Iterable<{ readonly place: string; readonly text: string }> {
  if (Array.isArray(value)) {
    for (const [index, each] of (value as readonly unknown[]).entries())
      yield* referencesIn(each, `${place}[${index}]`);
    return;
  }
  if (!isObject(value)) return;
  for (const [name, each] of Object.entries(value)) {
    if (name === 'reference' && typeof each === 'string') yield { place: `${place}.reference`, text: each };
    else yield* referencesIn(each, `${place}.${name}`);
  }
}
