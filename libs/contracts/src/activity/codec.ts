import { MessageCodec, parseEnvelope, UndecodableRecord } from '../codec.js';
import type { CloudEvent } from '../envelope.js';
import { activity, type ActivityRecord } from './contract.js';

/** What stands around a record of the activity topic. Its number and run tell a repeat, and a gap. */
export interface ActivityEntryMeta {
  readonly id: string;
  /** The application's id, or `unknown`. */
  readonly subject: string;
  /** RFC 3339, UTC. */
  readonly time: string;
  /** A random id that the vault maps, or `client:<clientId>`. */
  readonly actor: string;
  readonly correlationId: string;
  readonly causationId: string;
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
  const envelope: CloudEvent = {
    specversion: '1.0',
    id: meta.id,
    source: codec.source,
    type: codec.typeOf(type),
    subject: meta.subject,
    time: meta.time,
    datacontenttype: 'application/json',
    correlationid: meta.correlationId,
    causationid: meta.causationId,
    actor: meta.actor,
    sequence: String(meta.sequence),
    run: meta.run,
    data,
  };
  return JSON.stringify(envelope);
}

/** @throws UndecodableRecord */
export function decodeActivity(value: Buffer | string): ActivityEntry {
  const envelope = parseEnvelope(value);
  const { run, sequence } = envelope;
  if (run === undefined || sequence === undefined)
    throw new UndecodableRecord(`activity record ${envelope.id} has no run or number`);
  return {
    ...codec.read(envelope),
    meta: {
      id: envelope.id,
      subject: envelope.subject,
      time: envelope.time,
      actor: envelope.actor,
      correlationId: envelope.correlationid,
      causationId: envelope.causationid,
      run,
      sequence: Number(sequence),
    },
  };
}
