import type { KeyObject } from 'node:crypto';
import { decodePublicKey, NoteRefused, openCheckpoint } from '#proofs';
import { auditedTopics } from '#records';
import { Failure } from '../failure.js';
import { checkPartition, type Checked, faultOfLeaf, type Finding } from './check-partition.js';
import { checkRecord } from './check-record.js';
import { type Evidence, tried } from './evidence.js';
import type { Kept } from './kept-checkpoints.js';

/** What to verify. */
export interface Verification {
  readonly evidence: Evidence;
  readonly kept: Kept | undefined;
  /** A public key that is known from elsewhere, which counts before the kept one. */
  readonly publicKey: string | undefined;
  readonly recordIds: readonly string[];
  readonly sample: number;
  /** Told how many partitions of how many are done. */
  readonly onProgress: (done: number, of: number) => void;
}

/** What verification found. `keep` is what to keep for the next time: of partitions that did not hold, what was kept before. */
export interface Verified {
  readonly publicKey: string;
  readonly partitions: readonly Omit<Checked, 'findings' | 'held'>[];
  readonly findings: readonly Finding[];
  readonly keep: Kept;
}

/**
 * Verifies the audit by what it hands out, believing neither its database nor its word: only the public key, the
 * checkpoints that were kept, and arithmetic.
 */
export async function verifyAudit(verification: Verification): Promise<Verified> {
  const { evidence, kept, recordIds, sample, onProgress } = verification;
  const findings: Finding[] = [];
  const { text: publicKey, key } = await chooseKey(verification, findings);
  const trees = auditedTopics.flatMap(({ name: topic, partitions }) =>
    Array.from({ length: partitions }, (_, partition) => ({ topic, partition })),
  );
  const notes = new Map(Object.entries(kept?.notes ?? {}));
  const base = baseOf([...notes.keys()]);
  const checked: Checked[] = [];
  for (const [done, { topic, partition }] of trees.entries()) {
    onProgress(done, trees.length);
    const origin = base === undefined ? undefined : `${base}/${topic}/${partition}`;
    const result = await checkPartition({
      evidence,
      key,
      topic,
      partition,
      origin,
      kept: origin === undefined ? undefined : notes.get(origin),
      sample,
    });
    checked.push(result);
    if (result.held !== undefined) notes.set(result.held.origin, result.held.note);
  }
  onProgress(trees.length, trees.length);
  findings.push(...checked.flatMap((result) => result.findings));
  for (const recordId of recordIds) findings.push(...(await checkGiven(evidence, key, recordId)));
  for (const { run, topic, partition, firstMissing, lastMissing } of await evidence.gaps())
    findings.push({
      kind: 'gap',
      topic,
      partition,
      detail: `run ${run} has no records ${firstMissing} to ${lastMissing}: they were lost`,
    });
  return {
    publicKey,
    partitions: checked.map(({ findings: _findings, held: _held, ...looked }) => looked),
    findings,
    keep: { publicKey, notes: Object.fromEntries(notes) },
  };
}

/** The key to believe: the one given, else the one pinned, else, at the first time, the one that is published. */
async function chooseKey(
  { evidence, publicKey, kept }: Verification,
  findings: Finding[],
): Promise<{ readonly text: string; readonly key: KeyObject }> {
  const published = await evidence.keys();
  const text = publicKey ?? kept?.publicKey ?? published[0];
  if (text === undefined) throw new Failure('The audit has signed no checkpoint yet: try again in a minute.');
  try {
    const key = decodePublicKey(text);
    const known = published.some((shown) => key.equals(decodePublicKey(shown)));
    if (!known) findings.push({ kind: 'key', detail: 'the audit publishes another key than the one that is pinned' });
    return { text, key };
  } catch (error) {
    if (error instanceof NoteRefused) throw new Failure(error.message, { cause: error });
    throw error;
  }
}

/** What stands before topic and partition in the origins of one log. */
function baseOf(origins: readonly string[]): string | undefined {
  return origins[0]?.split('/').slice(0, -2).join('/');
}

/** A record that was asked for by its id. */
async function checkGiven(evidence: Evidence, key: KeyObject, recordId: string): Promise<readonly Finding[]> {
  const proof = await tried(() => evidence.proof(recordId));
  if (typeof proof === 'string') return [{ kind: 'inclusion', recordId, detail: proof }];
  if (proof === undefined) return [{ kind: 'record', recordId, detail: 'the audit does not show it' }];
  const { leaf, checkpoint } = proof;
  const { topic, partition } = leaf;
  try {
    const opened = openCheckpoint(checkpoint.note, checkpoint.origin, key);
    const unproved = faultOfLeaf(leaf, leaf.index, opened);
    if (unproved !== undefined) return [{ kind: 'inclusion', topic, partition, recordId, detail: unproved }];
  } catch (error) {
    if (!(error instanceof NoteRefused)) throw error;
    return [{ kind: 'signature', topic, partition, recordId, detail: error.message }];
  }
  const { recordId: found, fault } = await checkRecord(evidence, leaf, checkpoint.id);
  if (found !== recordId)
    return [{ kind: 'record', topic, partition, recordId, detail: `the log holds ${found ?? 'another'} in its place` }];
  return fault === undefined ? [] : [{ kind: 'record', topic, partition, recordId, detail: fault }];
}
