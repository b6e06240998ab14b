import { type FhirInteraction, type FhirResource, isObject, isResource } from '#smart';
import { PatientRecord } from '../answer/answer-everything.js';
import type { Answering } from '../answer/answering.js';
import { NotAnswered } from '../answer/not-answered.js';
import { modeOf } from '../answer/collect-matches.js';
import type { Entry } from '../answer/read-page.js';
import { includedWith } from '../answer/included.js';
import { NoLongerAllowed, UpstreamFailed } from '../ask-upstream/upstream-failed.js';
import type { RecordedObservation } from '../proxy/call-records.js';

const untouched: RecordedObservation = { outcome: 'allowed', withheld: 0 };
const unknown: RecordedObservation = { outcome: 'unknown', withheld: 0 };

/**
 * What enforcement would have let leave of an answer that has left, by the same looks at each resource. It is counted
 * in resources: totals, pages and the order of what is left are not compared.
 *
 * @param json    the answer as JSON; undefined for what is none
 * @param isEmpty nothing left but a status and headers
 */
export async function wouldHaveLeft(
  interaction: FhirInteraction,
  { status, json, isEmpty }: { readonly status: number; readonly json: unknown; readonly isEmpty: boolean },
  at: Answering,
): Promise<RecordedObservation> {
  if (status >= 400 || isEmpty) return untouched;
  if (!isResource(json)) return unknown;
  try {
    return await judged(interaction, json, at);
  } catch (error) {
    if (error instanceof NotAnswered || error instanceof UpstreamFailed || error instanceof NoLongerAllowed)
      return unknown;
    throw error;
  }
}

/** Of a call that would have been refused nothing would have left. */
export function nothingWouldHaveLeft(status: number, json: unknown): RecordedObservation {
  return { outcome: 'denied', withheld: status >= 400 ? 0 : resourcesIn(json).length };
}

async function judged(interaction: FhirInteraction, given: FhirResource, at: Answering): Promise<RecordedObservation> {
  switch (interaction.kind) {
    case 'read':
      return whole(await at.seesRead(given));
    case 'vread': {
      const current = await at.readOrNothing(interaction.type, interaction.id);
      return whole((await at.seesRead(given)) && current !== undefined && (await at.seesRead(current)));
    }
    case 'search-type':
      return partOf(given, await visibleIn(given, interaction.params, at, new Set([interaction.type])));
    case 'search-system': {
      const types = interaction.params.find(({ name }) => name === '_type')?.value.split(',') ?? [];
      return partOf(given, await visibleIn(given, interaction.params, at, new Set(types)));
    }
    case 'history-type':
    case 'history-instance': {
      const isSeen = async (it: FhirResource) =>
        await (interaction.kind === 'history-instance' ? at.seesRead(it) : at.sees(it, 's'));
      return partOf(given, await seenOf(resourcesIn(given), isSeen));
    }
    case 'operation': {
      if (interaction.level !== 'instance' || interaction.name !== 'everything') return unknown;
      const record = new PatientRecord(interaction.id, at);
      const isSeen = async (it: FhirResource) => (await record.holds(it)) && (await at.sees(it, 's'));
      return partOf(given, await seenOf(resourcesIn(given), isSeen));
    }
    case 'create':
    case 'update':
    case 'patch':
    case 'delete':
    case 'conditional-create':
    case 'conditional-update':
    case 'conditional-patch':
    case 'conditional-delete':
      // It was written; no more than the representation would have stayed here.
      if (given.resourceType === 'OperationOutcome' || (await at.sees(given, 'r'))) return untouched;
      return { outcome: 'filtered', withheld: 1 };
    case 'history-system':
    case 'capabilities':
    case 'batch-or-transaction':
    case 'unrecognised':
      return unknown;
    default:
      return interaction satisfies never;
  }
}

function whole(isSeen: boolean): RecordedObservation {
  return isSeen ? untouched : { outcome: 'denied', withheld: 1 };
}

function partOf(given: FhirResource, visible: number): RecordedObservation {
  const withheld = resourcesIn(given).length - visible;
  return withheld === 0 ? untouched : { outcome: 'filtered', withheld };
}

/** How many of a search's entries are seen: its matches, and what is included with one that is. */
async function visibleIn(
  bundle: FhirResource,
  params: Parameters<typeof includedWith>[2],
  at: Answering,
  searched: ReadonlySet<string>,
): Promise<number> {
  const matches: FhirResource[] = [];
  const others: Entry[] = [];
  for (const entry of entriesIn(bundle)) {
    const { resource } = entry;
    const mode = modeOf(entry);
    const isMatch =
      isResource(resource) && mode !== 'include' && mode !== 'outcome' && searched.has(resource.resourceType);
    if (isMatch && (await at.sees(resource, 's'))) matches.push(resource);
    else others.push(entry);
  }
  matches.forEach((match) => at.saw(match));
  return matches.length + (await includedWith(matches, others, params, at)).length;
}

async function seenOf(
  resources: readonly FhirResource[],
  isSeen: (resource: FhirResource) => Promise<boolean>,
): Promise<number> {
  let seen = 0;
  for (const resource of resources) if (await isSeen(resource)) seen++;
  return seen;
}

/** The entries of a bundle. */
function entriesIn(bundle: FhirResource): readonly Entry[] {
  const { entry } = bundle;
  return Array.isArray(entry) ? entry.filter(isObject) : [];
}

/** The resources that left: those of a bundle, what says how it went left out; else the one. */
function resourcesIn(json: unknown): readonly FhirResource[] {
  if (!isResource(json)) return [];
  const all = json.resourceType === 'Bundle' ? entriesIn(json).map(({ resource }) => resource) : [json];
  return all.filter(isResource).filter(({ resourceType }) => resourceType !== 'OperationOutcome');
}
