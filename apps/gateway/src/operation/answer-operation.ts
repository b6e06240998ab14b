import {
  allowedOperation,
  type AllowedOperation,
  type FhirResource,
  isObject,
  isResource,
  type OperationInteraction,
  type QueryParameter,
  type UpstreamTarget,
  writeParameters,
} from '#smart';
import type { Answering, CheckedAnswer } from '../answer/answering.js';
import { NotAnswered, notThere, wrongAnswer } from '../answer/not-answered.js';
import { collectMatches } from '../answer/collect-matches.js';
import type { Entry } from '../answer/read-page.js';
import { keyOf } from '../answer/included.js';
import { asServerTakesIt } from '../answer/our-urls.js';
import { fhirError } from '../proxy/operation-outcome.js';
import { malformed } from '../write/read-written-body.js';
import { harmlessOutcome } from './harmless-outcome.js';
import { readOperationBody } from './read-operation-body.js';
import { validateResource } from './validate-resource.js';

/** What operations are answered with beside the FHIR server. */
export interface OperationMeans {
  readonly allowed: readonly AllowedOperation[];
  /**
   * What a call by POST says in its body, as JSON.
   *
   * @throws NotAnswered
   */
  readonly body: () => Promise<unknown>;
}

/** How many resources one call gives at most. */
const MOST = 500;

/**
 * Answers an operation of the endpoint's list, or `$validate`: asked for anew from what was judged, and looked through as
 * the list says.
 *
 * @throws NotAnswered, UpstreamFailed
 */
export async function answerOperation(
  call: OperationInteraction,
  at: Answering,
  means: OperationMeans,
): Promise<CheckedAnswer> {
  if (call.name === 'validate') {
    if (call.level === 'system') throw wrongAnswer('a validation of no type');
    return await validateResource(call, await means.body(), at);
  }
  const allowed = allowedOperation(call, means.allowed);
  if (!allowed) throw wrongAnswer(`answers to $${call.name} are not handed on`);
  const target = targetOf(call, allowed, at, call.via === 'post' ? await means.body() : undefined);
  if (call.level === 'instance') {
    const instance = await at.readOrNothing(call.type, call.id);
    if (!instance || !(await at.sees(instance, 'r'))) throw notThere('what it is called on is not in sight');
  }
  return { resource: await checkedAnswer(allowed, target, at) };
}

function targetOf(
  call: OperationInteraction,
  { parameters }: AllowedOperation,
  at: Answering,
  body: unknown,
): UpstreamTarget {
  const below = call.level === 'system' ? '' : call.level === 'type' ? `/${call.type}` : `/${call.type}/${call.id}`;
  const path = `${below}/$${call.name}`;
  const params = call.params.filter(({ name }) => name !== '_format');
  if (call.via === 'get') return { method: 'GET', target: withQuery(path, params) };
  const read = readOperationBody(body);
  if (read.resources.length > 0) throw malformed('a parameter that is a resource is not taken here');
  const names = [...params, ...read.params].map(({ name }) => name);
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated !== undefined) throw malformed(`the parameter ${repeated} stands more than once`);
  const other = names.find((name) => !parameters.has(name));
  if (other !== undefined) throw malformed('a parameter is not understood here');
  const [upstream = '', ours = upstream] = at.sight.bases;
  return {
    method: 'POST',
    target: withQuery(path, params),
    body: asServerTakesIt(JSON.stringify(body), ours, upstream),
  };
}

function withQuery(path: string, params: readonly QueryParameter[]): string {
  const query = writeParameters(params);
  return query === '' ? path : `${path}?${query}`;
}

async function checkedAnswer(
  { answer }: AllowedOperation,
  target: UpstreamTarget,
  at: Answering,
): Promise<FhirResource> {
  if (answer === 'searchset') return await searchset(target, at);
  const { resource } = await at.ask(target);
  if (!isResource(resource)) throw wrongAnswer('the upstream answered an operation with no resource');
  const { resourceType: type } = resource;
  if (type === 'OperationOutcome') return harmlessOutcome(resource);
  switch (answer) {
    case 'outcome':
      throw wrongAnswer('the upstream answered an operation with another resource than an OperationOutcome');
    case 'resource':
      if (!(await at.sees(resource, 'r'))) throw notThere('what the operation gives is not in sight');
      return resource;
    case 'bundle':
      return await wholeBundle(resource, at);
    case 'parameters':
      if (type !== 'Parameters') throw wrongAnswer('the upstream answered an operation with another resource');
      await mustSeeAll(resource['parameter'], at);
      return { resourceType: 'Parameters', parameter: resource['parameter'] };
    default:
      return answer satisfies never;
  }
}

async function searchset(target: UpstreamTarget, at: Answering): Promise<FhirResource> {
  const { matches, next } = await collectMatches<FhirResource>(
    {
      from: { phase: 0, skip: 0 },
      count: MOST,
      phases: [target],
      letter: 's',
      whole: false,
      match: async ({ resource }: Entry) =>
        isResource(resource) && resource.resourceType !== 'OperationOutcome' && (await at.sees(resource, 's'))
          ? resource
          : undefined,
    },
    at,
  );
  if (next) throw tooMuch();
  const entry = matches.map((resource) => ({
    fullUrl: `${at.upstream}/${keyOf(resource)}`,
    resource,
    search: { mode: 'match' },
  }));
  return {
    resourceType: 'Bundle',
    type: 'searchset',
    total: matches.length,
    ...(entry.length === 0 ? {} : { entry }),
  };
}

/** A Bundle of which everything is seen; its links stay here. */
async function wholeBundle(bundle: FhirResource, at: Answering): Promise<FhirResource> {
  const { resourceType, type, identifier, timestamp, link, entry = [] } = bundle;
  if (resourceType !== 'Bundle' || !Array.isArray(entry)) throw wrongAnswer('the upstream answered no bundle');
  if (Array.isArray(link) && link.some((it) => isObject(it) && it['relation'] === 'next')) throw tooMuch();
  const inside = (entry as readonly unknown[]).map((it) => (isObject(it) ? it['resource'] : undefined));
  await at.foresee(inside.filter(isResource), 'r');
  const kept: object[] = [];
  for (const each of entry as readonly unknown[]) {
    if (!isObject(each) || !isResource(each['resource'])) throw outOfSight();
    const { resource, fullUrl } = each;
    if (!(await at.sees(resource, 'r'))) throw outOfSight();
    kept.push({ ...(typeof fullUrl === 'string' ? { fullUrl } : {}), resource });
  }
  return {
    resourceType: 'Bundle',
    type: type === 'document' ? 'document' : 'collection',
    ...(identifier === undefined ? {} : { identifier }),
    ...(timestamp === undefined ? {} : { timestamp }),
    ...(kept.length === 0 ? {} : { entry: kept }),
  };
}

/** Each resource in parameters, and in parts of them, is seen. */
async function mustSeeAll(parameters: unknown, at: Answering): Promise<void> {
  if (parameters === undefined) return;
  if (!Array.isArray(parameters)) throw wrongAnswer('the upstream answered Parameters that are none');
  for (const each of parameters as readonly unknown[]) {
    if (!isObject(each)) throw wrongAnswer('the upstream answered Parameters that are none');
    const { resource, part } = each;
    if (resource !== undefined && !(isResource(resource) && (await at.sees(resource, 'r')))) throw outOfSight();
    await mustSeeAll(part, at);
  }
}

function outOfSight(): NotAnswered {
  const text = 'The scopes do not reach all that this operation answers with.';
  return new NotAnswered(fhirError(403, 'forbidden', text), 'a part of the answer is not in sight');
}

function tooMuch(): NotAnswered {
  const text = 'This operation finds more than the gateway hands on in one call; narrow it.';
  return new NotAnswered(fhirError(403, 'too-costly', text), 'an operation with more than one page of results');
}
