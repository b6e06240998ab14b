import {
  type ActivityRecord,
  activity,
  activityTopic,
  type ContextContract,
  ContextCodec,
  type EventOf,
  MessageCodec,
  parseEnvelope,
  type Position,
  type Recorded,
  topicsOf,
  UndecodableRecord,
} from '#contracts';

/** A topic and how its records are read. */
export interface RecordSource<E> {
  /** Without the prefix. */
  readonly topic: string;
  readonly partitions: number;
  /** @throws UndecodableRecord */
  readonly decode: (value: Buffer) => E;
}

/** What stands at a position of the log. */
export interface Entry<E> {
  readonly position: Position;
  readonly event: E;
}

export type EventIn<S> = S extends RecordSource<infer E> ? E : never;

/** The events of a context. */
export function eventsOf<C extends ContextContract>(contract: C): RecordSource<Recorded<EventOf<C>>> {
  const codec = new ContextCodec(contract);
  const { events } = topicsOf(contract);
  return { topic: events.name, partitions: events.partitions, decode: (value) => codec.decodeEvent(value) };
}

/** A record of the activity topic. Its number and run tell a repeat, and a gap. */
export type ActivityEntry = ActivityRecord & {
  readonly meta: {
    readonly id: string;
    /** The application's id, or `unknown`. */
    readonly subject: string;
    readonly time: string;
    readonly actor: string;
    readonly correlationId: string;
    readonly run: string;
    readonly sequence: number;
  };
};

export const activityCodec = new MessageCodec('activity', activity);

export const activitySource: RecordSource<ActivityEntry> = {
  topic: activityTopic.name,
  partitions: activityTopic.partitions,
  decode(value) {
    const envelope = parseEnvelope(value);
    const { run } = envelope;
    if (run === undefined || envelope.sequence === undefined)
      throw new UndecodableRecord(`activity record ${envelope.id} has no run or number`);
    return {
      ...activityCodec.read(envelope),
      meta: {
        id: envelope.id,
        subject: envelope.subject,
        time: envelope.time,
        actor: envelope.actor,
        correlationId: envelope.correlationid,
        run,
        sequence: Number(envelope.sequence),
      },
    };
  },
};
