import { type KeyObject, randomInt } from 'node:crypto';
import { type Checkpoint, NoteRefused, openCheckpoint, recordLeaf, verifyConsistency, verifyInclusion } from '#proofs';
import { Failure } from '../failure.js';
import { checkRecord } from './check-record.js';
import { type Evidence, type ShownCheckpoint, type ShownLeaf, tried } from './evidence.js';

/** Something that does not hold. */
export interface Finding {
  /** `key`, `signature`, `consistency`, `inclusion`, `record` or `gap`. */
  readonly kind: 'key' | 'signature' | 'consistency' | 'inclusion' | 'record' | 'gap';
  readonly topic?: string;
  readonly partition?: number;
  readonly recordId?: string;
  readonly detail: string;
}

/** What was looked at in a partition. */
export interface Checked {
  readonly topic: string;
  readonly partition: number;
  readonly size: number;
  readonly checkpoints: number;
  readonly records: number;
  readonly findings: readonly Finding[];
  /** The newest checkpoint, once everything about checkpoints has held. */
  readonly held?: { readonly origin: string; readonly note: string };
}

const CHECKPOINTS = 50;
const LEAVES_AT_ONCE = 100;

/** How one partition is looked at. */
export interface PartitionCheck {
  readonly evidence: Evidence;
  readonly key: KeyObject;
  readonly topic: string;
  readonly partition: number;
  /** What its checkpoints must be signed under, where that is known. */
  readonly origin: string | undefined;
  /** The checkpoint that was kept of it last time. */
  readonly kept: string | undefined;
  /** How many records to look at, chosen at random; all of a partition that has no more. */
  readonly sample: number;
}

/**
 * Holds one partition against its signed checkpoints: that they are signed and follow each other and the one kept last
 * time, that records as the log holds them now are under the newest, and that search shows what the log holds.
 */
export async function checkPartition(check: PartitionCheck): Promise<Checked> {
  const { evidence, topic, partition } = check;
  const findings: Finding[] = [];
  const find = (kind: Finding['kind'], detail: string, more: Partial<Finding> = {}) =>
    findings.push({ kind, topic, partition, ...more, detail });
  const shown = await evidence.checkpoints(topic, partition, CHECKPOINTS);
  const opened = shown.flatMap((checkpoint) => {
    const fault = faultOf(checkpoint, check);
    if (typeof fault !== 'string') return [{ checkpoint, ...fault }];
    find('signature', `checkpoint ${checkpoint.id}: ${fault}`);
    return [];
  });
  opened.sort((one, other) => one.size - other.size);
  await checkGrowth(check, opened, find);
  const newest = opened.at(-1);
  const held = findings.length === 0 && newest !== undefined;
  const records = newest === undefined ? 0 : await checkLeaves(check, newest, find);
  return {
    topic,
    partition,
    size: newest?.size ?? 0,
    checkpoints: opened.length,
    records,
    findings,
    ...(held ? { held: { origin: newest.origin, note: newest.checkpoint.note } } : {}),
  };
}

interface Opened extends Checkpoint {
  readonly checkpoint: ShownCheckpoint;
}

type Find = (kind: Finding['kind'], detail: string, more?: Partial<Finding>) => void;

/** The checkpoint that a note proves, or what is wrong with it. */
function faultOf(shown: ShownCheckpoint, { key, topic, partition, origin }: PartitionCheck): Checkpoint | string {
  try {
    const checkpoint = openCheckpoint(shown.note, shown.origin, key);
    if (origin !== undefined && shown.origin !== origin) return `it is of ${shown.origin}, not of ${origin}`;
    if (!shown.origin.endsWith(`/${topic}/${partition}`)) return `it is of another partition: ${shown.origin}`;
    return checkpoint.size === shown.size ? checkpoint : `it is shown as one of ${shown.size} records`;
  } catch (error) {
    if (error instanceof NoteRefused) return error.message;
    throw error;
  }
}

/** Each checkpoint must have every record of the one before in its place, beginning with the one kept last time. */
async function checkGrowth(check: PartitionCheck, opened: readonly Opened[], find: Find): Promise<void> {
  const { evidence } = check;
  const last = lastTime(check);
  const newest = opened.at(-1);
  if (last !== undefined && (newest === undefined || newest.size < last.size)) {
    find('consistency', `it had ${last.size} records when it was last looked at, and shows ${newest?.size ?? 0} now`);
    return;
  }
  let earlier: Checkpoint | undefined = last;
  for (const later of opened.filter(({ size }) => size >= (last?.size ?? 0))) {
    if (earlier !== undefined) {
      const proof = await tried(() =>
        later.size === earlier?.size ? Promise.resolve([]) : evidence.consistency(later.checkpoint, earlier?.size ?? 0),
      );
      if (typeof proof === 'string') find('consistency', `checkpoint ${later.checkpoint.id}: ${proof}`);
      else if (!verifyConsistency({ earlier, later, proof }))
        find(
          'consistency',
          `the log of ${later.size} records does not go on from that of ${earlier.size}: it was rewritten`,
        );
    }
    earlier = later;
  }
}

/** The checkpoint that was kept last time, if any. */
function lastTime({ key, kept, origin = '' }: PartitionCheck): Checkpoint | undefined {
  if (kept === undefined) return undefined;
  try {
    return openCheckpoint(kept, origin, key);
  } catch (error) {
    if (!(error instanceof NoteRefused)) throw error;
    throw new Failure(`What was kept of ${origin} does not hold: ${error.message}.`, { cause: error });
  }
}

/** Looks at leaves of the newest checkpoint; gives how many. */
async function checkLeaves(check: PartitionCheck, newest: Opened, find: Find): Promise<number> {
  const { evidence, sample } = check;
  const ranges = newest.size <= sample ? wholeOf(newest.size) : randomOf(newest.size, sample);
  let looked = 0;
  for (const { first, count } of ranges) {
    const leaves = await tried(() => evidence.leaves(newest.checkpoint, first, count));
    if (typeof leaves === 'string') {
      find('inclusion', `records from ${first} on cannot be shown: ${leaves}`);
      continue;
    }
    for (let at = 0; at < count; at++) {
      const leaf = leaves[at];
      looked += 1;
      const fault = leaf === undefined ? 'the log does not hold it any more' : faultOfLeaf(leaf, first + at, newest);
      if (fault !== undefined) find('inclusion', `record ${first + at} of the partition: ${fault}`);
      else if (leaf !== undefined) await lookAtRecord(evidence, leaf, newest.checkpoint.id, find);
    }
  }
  return looked;
}

async function lookAtRecord(evidence: Evidence, leaf: ShownLeaf, checkpointId: string, find: Find): Promise<void> {
  const { recordId, fault } = await checkRecord(evidence, leaf, checkpointId);
  if (fault !== undefined) find('record', fault, recordId === undefined ? {} : { recordId });
}

/** Why a leaf is not where it is said to be; nothing when it is. */
export function faultOfLeaf(leaf: ShownLeaf, index: number, { size, root, origin }: Checkpoint): string | undefined {
  if (leaf.index !== index) return `another is shown in its place, ${leaf.index}`;
  if (!origin.endsWith(`/${leaf.topic}/${leaf.partition}`)) return 'one of another partition is shown in its place';
  if (!/^\d{1,19}$/.test(leaf.offset)) return 'it has no offset';
  const inclusion = { index, size, leaf: recordLeaf(leaf), root, proof: leaf.inclusion };
  return verifyInclusion(inclusion) ? undefined : 'it is not the one that was signed: it was changed';
}

function wholeOf(size: number): readonly { first: number; count: number }[] {
  const ranges = [];
  for (let first = 0; first < size; first += LEAVES_AT_ONCE)
    ranges.push({ first, count: Math.min(LEAVES_AT_ONCE, size - first) });
  return ranges;
}

function randomOf(size: number, sample: number): readonly { first: number; count: number }[] {
  const chosen = new Set<number>();
  while (chosen.size < sample) chosen.add(randomInt(size));
  return [...chosen].map((first) => ({ first, count: 1 }));
}
