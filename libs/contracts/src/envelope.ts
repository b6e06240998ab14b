/**
 * The envelope of every record: CloudEvents 1.0 in structured mode (one JSON value), with extension attributes named
 * `[a-z0-9]` as CloudEvents §3.1 asks. A SIEM that cannot see Kafka headers still gets all of it.
 */
export interface CloudEvent<D = unknown> {
  readonly specversion: '1.0';
  readonly id: string;
  /** `/gatehouse/<context>` */
  readonly source: string;
  /** `gatehouse.<context>.<name>.v<version>` */
  readonly type: string;
  /** The id of the aggregate, for example of an application. */
  readonly subject: string;
  /** RFC 3339, UTC. */
  readonly time: string;
  readonly datacontenttype: 'application/json';
  readonly correlationid: string;
  /** The id of the command or event that caused this one. */
  readonly causationid: string;
  /** Who did it: a random id that the vault maps, or `system:<reactor>`. */
  readonly actor: string;
  /** The aggregate's version after this event, or a record's number in its run; a string, as CloudEvents' sequence asks. */
  readonly sequence?: string;
  /** The run of the process that appended the record: numbers count from 0 in each run and partition. */
  readonly run?: string;
  /** Where in the commands topic's same partition the command stands that was decided. */
  readonly commandoffset?: string;
  /** RFC 3339: a writer decides nothing after it. */
  readonly deadline?: string;
  /** The version that the caller saw (`If-Match`). */
  readonly expectedversion?: string;
  /** SHA-256 of the request's body, to tell a retry from another request under the same key. */
  readonly bodydigest?: string;
  /** Of a command: by whom its actor was authenticated. Made and checked over the record's bytes, see `CommandKeys`. */
  readonly mac?: string;
  /** Of an enforcement point's report: by which point. Made and checked over the record's bytes, see `PointKey`. */
  readonly signature?: string;
  readonly data: D;
}

/** The one header of every record. */
export const CONTENT_TYPE = 'application/cloudevents+json; charset=UTF-8';

/** What stands around every record. */
export interface RecordMeta {
  readonly id: string;
  readonly subject: string;
  /** RFC 3339, UTC. */
  readonly time: string;
  readonly actor: string;
  readonly correlationId: string;
  readonly causationId: string;
}

/** Where an event stands and what is around it; `evolve` may read it, positions are not part of it. */
export interface EventMeta extends RecordMeta {
  /** The aggregate's version after this event; the first event of an aggregate has 1. */
  readonly version: number;
  /** The offset of the command that was decided, in the commands topic's same partition. */
  readonly commandOffset: bigint;
}

/** An event as the log keeps it. */
export type Recorded<E> = E & { readonly meta: EventMeta };

/** What is around a command: its id is SHA-256, hexadecimal (see `commandId`), its time that of the caller's asking. */
export interface CommandMeta extends RecordMeta {
  readonly deadline: string;
  readonly expectedVersion?: number;
  readonly bodyDigest: string;
}

/** A command as it stands in the commands topic. */
export type Addressed<C> = C & { readonly meta: CommandMeta };

/** `<topic>:<partition>:<offset>`: a place in the log, as `Gatehouse-Position` carries it. */
export interface Position {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
}

export function formatPosition(position: Position): string {
  return `${position.topic}:${position.partition}:${position.offset}`;
}

/** Reads a `Gatehouse-Position`; undefined when it is malformed. */
export function parsePosition(text: string): Position | undefined {
  const match = /^([A-Za-z0-9._-]{1,249}):(\d{1,4}):(\d{1,19})$/.exec(text);
  if (!match) return undefined;
  const [, topic = '', partition = '', offset = ''] = match;
  return { topic, partition: Number(partition), offset: BigInt(offset) };
}
