import {
  applyJsonPatch,
  binariesNamedIn,
  type FhirResource,
  isObject,
  isResource,
  PatchFailed,
  readExactJson,
  readJsonPatch,
  readWritten,
  type ResourceType,
  upstreamTarget,
  type WriteInteraction,
} from '#smart';
import type { Answering } from '../answer/answering.js';
import { NotAnswered, notThere, wrongAnswer } from '../answer/not-answered.js';
import type { UpstreamAnswer } from '../ask-upstream/upstream-answer.js';
import { isTooLarge, UpstreamFailed } from '../ask-upstream/upstream-failed.js';
import { fhirError, insufficientScope } from '../proxy/operation-outcome.js';
import { malformed } from './read-written-body.js';
import { resolveCondition } from './resolve-condition.js';

/** A write that was judged, as it goes upstream: of one id, unconditional but for the version that was judged. */
export type PlannedWrite = { readonly type: ResourceType } &
  /** Under an id of the caller's choice, where there is one: by an update. */
  (
    | { readonly verb: 'create'; readonly id?: string; readonly after: FhirResource }
    | {
        readonly verb: 'update';
        readonly id: string;
        readonly before: FhirResource;
        readonly after: FhirResource;
        readonly ifMatch: string;
      }
    | { readonly verb: 'delete'; readonly id: string; readonly before: FhirResource; readonly ifMatch: string }
  );

/** What a write comes to. `found`: a conditional creation found what it would create. `nothing`: there is nothing to do. */
export type Plan =
  | { readonly kind: 'write'; readonly write: PlannedWrite }
  | { readonly kind: 'found'; readonly type: ResourceType; readonly id: string }
  | { readonly kind: 'nothing' };

/** What is to be written. */
export interface WriteAsked {
  readonly interaction: WriteInteraction;
  /** What the body says, as JSON; undefined for a deletion. */
  readonly body: unknown;
  /** The caller's own `If-Match`. */
  readonly ifMatch: string | undefined;
  /** The caller's own `If-None-Match`: of an update by id, `*` alone. */
  readonly ifNoneMatch?: string | undefined;
  /** An update of what is not there creates it, where nothing of its type is hidden (`EnforcedWrites`). */
  readonly updatesCreate?: boolean;
}

/**
 * Makes of what is asked a write that may be carried out: the condition resolved to one id under the token's own sight,
 * a patch applied, the state before and the state after judged. What may not be seen answers as what is not there.
 *
 * @throws NotAnswered, UpstreamFailed
 */
export async function planWrite(asked: WriteAsked, at: Answering): Promise<Plan> {
  return await at.underRights(asked.interaction, async () => {
    const plan = await prepare(asked, at);
    if (plan.kind === 'write') await mustEndInScope(plan.write, at);
    return plan;
  });
}

/**
 * All of `planWrite` but the look at the state after, which may depend on what else is written with it: see `mustEndInScope`.
 * No update of it creates.
 *
 * @throws NotAnswered, UpstreamFailed
 */
export async function prepareWrite(asked: WriteAsked, at: Answering): Promise<Plan> {
  return await at.underRights(asked.interaction, async () => await prepare({ ...asked, updatesCreate: false }, at));
}

async function prepare(asked: WriteAsked, at: Answering): Promise<Plan> {
  const { interaction, body, ifMatch, ifNoneMatch } = asked;
  const { type } = interaction;
  if (ifNoneMatch !== undefined && (interaction.kind !== 'update' || ifNoneMatch.trim() !== '*'))
    throw malformed('If-None-Match says nothing of this write, but of an update by id as *');
  switch (interaction.kind) {
    case 'create':
      return planCreate(type, body);
    case 'conditional-create': {
      const id = await resolveCondition(type, interaction.condition, at);
      return id === undefined ? planCreate(type, body) : { kind: 'found', type, id };
    }
    case 'update': {
      const { id } = interaction;
      const mayCreate = asked.updatesCreate === true && at.reachesAllOf(type, 'u');
      if (ifNoneMatch !== undefined && (await isThere(type, id, at))) throw somethingThere();
      if (mayCreate)
        return ifNoneMatch === undefined
          ? await planUpdateOrCreate(type, id, body, ifMatch, at)
          : planCreateAs(type, id, body, ifMatch);
      if (ifNoneMatch !== undefined) throw notThere('an update that would create');
      return await planUpdate(type, id, body, ifMatch, at);
    }
    case 'conditional-update': {
      const id = await resolveCondition(type, interaction.params, at);
      const own = isObject(body) ? body['id'] : undefined;
      if (id !== undefined)
        return await planUpdate(type, id, isObject(body) && own === undefined ? { ...body, id } : body, ifMatch, at);
      // Under an id of the caller's choice it would be an update that creates.
      if (own !== undefined) throw notThere('an update that would create');
      return planCreate(type, body);
    }
    case 'patch':
      return await planPatch(type, interaction.id, body, ifMatch, at);
    case 'conditional-patch': {
      const id = await resolveCondition(type, interaction.params, at);
      if (id === undefined) throw notThere('the condition finds nothing');
      return await planPatch(type, id, body, ifMatch, at);
    }
    case 'delete':
      return await planDelete(type, interaction.id, ifMatch, at);
    case 'conditional-delete': {
      const id = await resolveCondition(type, interaction.params, at);
      return id === undefined ? { kind: 'nothing' } : await planDelete(type, id, ifMatch, at);
    }
    default:
      return interaction satisfies never;
  }
}

function planCreate(type: ResourceType, body: unknown): Plan {
  const read = readWritten(body, type);
  if (!read.ok) throw malformed(read.reason);
  return { kind: 'write', write: { verb: 'create', type, after: read.resource } };
}

async function planUpdate(
  type: ResourceType,
  id: string,
  body: unknown,
  asked: string | undefined,
  at: Answering,
): Promise<Plan> {
  const read = readWritten(body, type, id);
  if (!read.ok) throw malformed(read.reason);
  const before = await readBefore(type, id, 'u', asked, at);
  return { kind: 'write', write: { verb: 'update', type, id, ...before, after: read.resource } };
}

async function planUpdateOrCreate(...update: Parameters<typeof planUpdate>): Promise<Plan> {
  const [type, id, body, ifMatch] = update;
  try {
    return await planUpdate(...update);
  } catch (error) {
    if (!(error instanceof NotAnswered) || error.answer.status !== 404) throw error;
    return planCreateAs(type, id, body, ifMatch);
  }
}

function planCreateAs(type: ResourceType, id: string, body: unknown, ifMatch: string | undefined): Plan {
  if (ifMatch !== undefined) throw staleVersion();
  const read = readWritten(body, type, id);
  if (!read.ok) throw malformed(read.reason);
  return { kind: 'write', write: { verb: 'create', type, id, after: read.resource } };
}

async function planPatch(
  type: ResourceType,
  id: string,
  body: unknown,
  asked: string | undefined,
  at: Answering,
): Promise<Plan> {
  const operations = patching(() => readJsonPatch(body));
  const before = await readBefore(type, id, 'u', asked, at);
  // Whether it can be applied tells what the resource holds.
  if (!(await at.sees(before.before, 'r'))) throw outOfScope('The scopes do not let this resource be read.', type, 'r');
  const after = readWritten(
    patching(() => applyJsonPatch(before.before, operations)),
    type,
    id,
  );
  if (!after.ok) throw malformed(after.reason);
  return { kind: 'write', write: { verb: 'update', type, id, ...before, after: after.resource } };
}

async function planDelete(type: ResourceType, id: string, asked: string | undefined, at: Answering): Promise<Plan> {
  const before = await readBefore(type, id, 'd', asked, at);
  return { kind: 'write', write: { verb: 'delete', type, id, ...before } };
}

/** What is there, with the version that it is judged in. */
async function readBefore(
  type: ResourceType,
  id: string,
  letter: 'u' | 'd',
  asked: string | undefined,
  at: Answering,
): Promise<{ readonly before: FhirResource; readonly ifMatch: string }> {
  const { text, etag } = await current(type, id, at);
  // It is written again, so that its numbers keep their digits.
  const read = readExactJson(text);
  const before = read.ok ? read.value : undefined;
  if (!isResource(before) || before.resourceType !== type || before['id'] !== id)
    throw wrongAnswer('the upstream answered another resource');
  if (!(await at.sees(before, letter))) {
    if (await at.sees(before, 'r'))
      throw outOfScope('The scopes do not let this resource be changed.', type, letter, at.whyHidden(before));
    throw notThere(at.whyHidden(before));
  }
  const ifMatch = versionOf(before) ?? etag;
  if (ifMatch === undefined) throw wrongAnswer('the upstream gives no versions, so that nothing is written there');
  if (asked !== undefined && !namesVersion(asked, ifMatch)) throw staleVersion();
  return { before, ifMatch };
}

/** Whether there is something that may be updated: what may not is told as of any update. */
async function isThere(type: ResourceType, id: string, at: Answering): Promise<boolean> {
  try {
    await readBefore(type, id, 'u', undefined, at);
    return true;
  } catch (error) {
    if (error instanceof NotAnswered && error.answer.status === 404) return false;
    throw error;
  }
}

function somethingThere(): NotAnswered {
  const text = 'There is such a resource already.';
  return new NotAnswered(fhirError(412, 'conflict', text), 'If-None-Match of what is there');
}

function staleVersion(): NotAnswered {
  return new NotAnswered(fhirError(412, 'conflict', 'The resource has another version by now.'), 'a stale If-Match');
}

async function current(type: ResourceType, id: string, at: Answering): Promise<UpstreamAnswer> {
  const target = upstreamTarget({ kind: 'read', type, id, params: [] });
  if (!target) throw wrongAnswer('a read that has no target');
  try {
    return await at.ask(target);
  } catch (error) {
    if (error instanceof UpstreamFailed && error.answer.status === 404) throw notThere('there is no such resource');
    // That it is there is told to whom all of its type is seen.
    if (isTooLarge(error) && !at.reachesAllOf(type, 'r')) throw notThere('it is too large to be looked at');
    throw error;
  }
}

/** The `ETag` of a resource by what it says itself (R4, RESTful API, 3.1.0.1.3). */
export function versionOf({ meta }: FhirResource): string | undefined {
  const version = isObject(meta) ? meta['versionId'] : undefined;
  return typeof version === 'string' && /^[A-Za-z0-9\-.]{1,64}$/.test(version) ? `W/"${version}"` : undefined;
}

/** Whether an `If-Match` names a version; weak and strong tags are one here (R4, RESTful API, 3.1.0.5). */
function namesVersion(ifMatch: string, etag: string): boolean {
  const opaque = (tag: string) => tag.trim().replace(/^W\//, '');
  return ifMatch.trim() === '*' || ifMatch.split(',').map(opaque).includes(opaque(etag));
}

/**
 * Judges the state after a write.
 *
 * @throws NotAnswered (403) when it is not reached by the letter of the write
 */
export async function mustEndInScope(write: PlannedWrite, at: Answering): Promise<void> {
  if (write.verb === 'delete') return;
  // An update that creates is allowed by the scope of update (SMART App Launch 2.2, Scopes for requesting FHIR resources).
  const letter = write.verb === 'create' && write.id === undefined ? 'c' : 'u';
  if (!(await at.sees(write.after, letter))) {
    const detail = 'What is to be written is not in the scopes: it is about somebody or something else.';
    throw outOfScope(detail, write.type, letter, at.whyHidden(write.after));
  }
  await mustNameSeenBinaries(write.after, at);
}

/** So many Binaries may one resource name: each has to be looked at. */
const BINARIES = 10;

/**
 * Whoever sees a document may see the Binaries that it shows: nobody gains one by writing that. So whatever a resource names as a
 * Binary of this server has to be seen by its writer, as a read would show it. What is not seen, what is not there and what is named
 * oddly are refused alike.
 */
async function mustNameSeenBinaries(resource: FhirResource, at: Answering): Promise<void> {
  const { ids, unclear } = binariesNamedIn(resource, at.sight.bases);
  if (!unclear && ids.length <= BINARIES && (await seesBinaries(ids, at))) return;
  const text =
    'What is to be written names a Binary that is not seen here, in a way that is not understood, or too many.';
  throw new NotAnswered(insufficientScope(text, []), 'it names a Binary that is not in sight');
}

async function seesBinaries(ids: readonly string[], at: Answering): Promise<boolean> {
  try {
    for (const id of ids) {
      const binary = await at.readOrNothing('Binary', id);
      if (!binary) await at.askAsIfThere('Binary', id);
      if (!binary || !(await at.seesRead(binary))) return false;
    }
    return true;
  } catch (error) {
    // That one is too large to be looked at, or one look too many, would tell that it is there.
    const { answer } = error instanceof NotAnswered || error instanceof UpstreamFailed ? error : {};
    if (answer?.body.issue[0].code === 'too-costly') return false;
    throw error;
  }
}

function outOfScope(detail: string, type: string, letter: string, why = 'the scopes do not reach it'): NotAnswered {
  return new NotAnswered(insufficientScope(detail, []), `${type}.${letter} does not reach this resource: ${why}`);
}

function patching<T>(apply: () => T): T {
  try {
    return apply();
  } catch (error) {
    if (!(error instanceof PatchFailed)) throw error;
    if (error.why === 'malformed') throw malformed(error.message);
    const text = `${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.`;
    throw new NotAnswered(fhirError(422, 'processing', text), `the patch cannot be applied: ${error.why}`);
  }
}
