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

/** What tells a repeat of a record, and a gap before it. */
export type RunNumber = Pick<ActivityEntryMeta, 'run' | 'sequence'>;

/** How {@link encodeActivity} ends what stands around a record's data, after attributes that are texts. */
const SEQUENCE = Buffer.from('","sequence":"');
const RUN = Buffer.from('","run":"');
const DATA = Buffer.from('","data":');
/** `{`, which begins the attributes, and next the data. */
const OBJECT = 0x7b;
/** Of the largest number that is one exactly. */
const DIGITS = 16;

/**
 * The number of a record, for who needs nothing else of it. It is read where {@link encodeActivity} writes it: nothing but
 * texts stands before it, in which a quotation mark would be escaped. Of a record that is written otherwise all is read.
 *
 * @throws UndecodableRecord
 */
export function activityNumber(value: Buffer): RunNumber {
  const sequenceAt = value.indexOf(SEQUENCE) + SEQUENCE.length;
  const sequenceEnd = value.indexOf(RUN, sequenceAt);
  const runAt = sequenceEnd + RUN.length;
  const runEnd = value.indexOf(DATA, runAt);
  const isWritten =
    sequenceAt >= SEQUENCE.length &&
    sequenceEnd > sequenceAt &&
    sequenceEnd - sequenceAt <= DIGITS &&
    runEnd > runAt &&
    value.indexOf(OBJECT, 1) > runEnd;
  if (isWritten) {
    const digits = value.toString('latin1', sequenceAt, sequenceEnd);
    const run = value.toString('utf8', runAt, runEnd);
    if (/^\d+$/.test(digits) && /^[\w-]{1,64}$/.test(run)) return { run, sequence: Number(digits) };
  }
  const { run, sequence } = decodeActivity(value).meta;
  return { run, sequence };
}

/** @throws UndecodableRecord */
export function decodeActivity(value: Buffer | string): ActivityEntry {
  const envelope = parseEnvelope(value);
  const { run, sequence } = envelope;
  if (run === undefined || sequence === undefined)
    throw new UndecodableRecord(`activity record ${envelope.id} has no run or number`);
  return { ...codec.read(envelope), meta: { ...metaOf(envelope), run, sequence: Number(sequence) } };
}
