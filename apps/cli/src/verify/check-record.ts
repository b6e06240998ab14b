import { isDeepStrictEqual } from 'node:util';
import { UndecodableRecord } from '#contracts';
import { answeredRecord, type Audited, auditRowOf, decodeAudited } from '#records';
import { fieldOf } from '../output/field-of.js';
import { type Evidence, type ShownLeaf, tried } from './evidence.js';

/** Where a record stands: that of a repeat, which the log holds twice, is its first place. */
const PLACE = ['topic', 'partition', 'offset'];

/** Whether search shows a record as the log holds it; `fault` says what is different. */
export async function checkRecord(
  evidence: Evidence,
  leaf: ShownLeaf,
  checkpointId: string,
): Promise<{ readonly recordId?: string; readonly fault?: string }> {
  const event = decoded(leaf);
  if (event === undefined) return { fault: `the record at ${placeOf(leaf)} is none that this release reads` };
  const recordId = event.meta.id;
  const shown = await evidence.record(recordId);
  if (shown === undefined)
    return { recordId, fault: `the log holds it at ${placeOf(leaf)}, and search does not show it` };
  const position = { topic: leaf.topic, partition: leaf.partition, offset: BigInt(leaf.offset) };
  const expected = answeredRecord(auditRowOf(event, position));
  const different = Object.keys({ ...expected, ...shown }).filter(
    (name) =>
      !isDeepStrictEqual(fieldOf(expected, name), fieldOf(shown, name)) &&
      // Looked up where the record does not name it.
      !(name === 'clientId' && fieldOf(expected, name) === undefined),
  );
  if (different.length === 0) return { recordId };
  if (different.every((name) => PLACE.includes(name)) && (await isRepeat(evidence, recordId, checkpointId)))
    return { recordId };
  return { recordId, fault: `search shows another ${different.join(', ')} than the log holds at ${placeOf(leaf)}` };
}

/** Whether what the log holds where search says is that record as well. */
async function isRepeat(evidence: Evidence, recordId: string, checkpointId: string): Promise<boolean> {
  const proof = await tried(() => evidence.proof(recordId, checkpointId));
  return typeof proof === 'object' && decoded(proof.leaf)?.meta.id === recordId;
}

function decoded({ topic, value }: ShownLeaf): Audited | undefined {
  try {
    return decodeAudited(topic, value);
  } catch (error) {
    if (error instanceof UndecodableRecord || error instanceof RangeError) return undefined;
    throw error;
  }
}

function placeOf({ topic, partition, offset }: ShownLeaf): string {
  return `${topic}:${partition}:${offset}`;
}
