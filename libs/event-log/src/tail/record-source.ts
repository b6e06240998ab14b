import {
  type ActivityEntry,
  activityTopic,
  type ContextContract,
  ContextCodec,
  decodeActivity,
  type EventOf,
  type Position,
  type Recorded,
  topicsOf,
} from '#contracts';
import type { LogRecord } from '../kafka/visible-records.js';

/** A topic and how its records are read. */
export interface RecordSource<E> {
  /** Without the prefix. */
  readonly topic: string;
  readonly partitions: number;
  /**
   * What a record says; of most only the value matters.
   *
   * @throws UndecodableRecord
   */
  readonly decode: (value: Buffer, record: LogRecord) => E;
}

/** What stands at a position of the log. */
export interface Entry<E> {
  readonly position: Position;
  readonly event: E;
}

export type EventIn<S> = S extends RecordSource<infer E> ? E : never;

const sources = new WeakMap<ContextContract, RecordSource<unknown>>();

/** The events of a context: the same source whenever it is asked for, so that who reads along with another shares what is decoded. */
export function eventsOf<C extends ContextContract>(contract: C): RecordSource<Recorded<EventOf<C>>> {
  const known = sources.get(contract);
  // Sound: it was made below, of the same contract.
  if (known) return known as RecordSource<Recorded<EventOf<C>>>;
  const codec = new ContextCodec(contract);
  const { events } = topicsOf(contract);
  const source = {
    topic: events.name,
    partitions: events.partitions,
    decode: (value: Buffer) => codec.decodeEvent(value),
  };
  sources.set(contract, source);
  return source;
}

/** The records of the activity topic. */
export const activitySource: RecordSource<ActivityEntry> = {
  topic: activityTopic.name,
  partitions: activityTopic.partitions,
  decode: decodeActivity,
};
