import { MessageCodec, metaOf, parseEnvelope, UndecodableRecord } from '../codec.js';
import type { RecordMeta } from '../envelope.js';
import { activity, type ActivityRecord } from './contract.js';

/**
 * What stands around a record of the activity topic: its subject is the application's id, or `unknown`; its actor a random id
 * that the vault maps, or `client:<clientId>`. Its number and run tell a repeat, and a gap.
 */
export interface ActivityEntryMeta extends RecordMeta {
  readonly run: string;
  /** Counts from 0 in each run and partition. */
  readonly sequence: number;
}

/** A record of the activity topic. */
export type ActivityEntry = ActivityRecord & { readonly meta: ActivityEntryMeta };

const codec = new MessageCodec('activity', activity);

/** @throws UndecodableRecord when the data does not fit its schema: ask before the record takes a number */
export function checkActivity(record: ActivityRecord): void {
  codec.check(record);
}

/** A checked record as the activity topic keeps it. */
export function encodeActivity({ type, data }: ActivityRecord, meta: ActivityEntryMeta): string {
  return codec.encode(type, data, meta, { sequence: String(meta.sequence), run: meta.run });
}

/** @throws UndecodableRecord */
export function decodeActivity(value: Buffer | string): ActivityEntry {
  const envelope = parseEnvelope(value);
  const { run, sequence } = envelope;
  if (run === undefined || sequence === undefined)
    throw new UndecodableRecord(`activity record ${envelope.id} has no run or number`);
  return { ...codec.read(envelope), meta: { ...metaOf(envelope), run, sequence: Number(sequence) } };
}
