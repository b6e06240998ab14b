import {
  type Addressed,
  type CommandOf,
  type ContextContract,
  type Decider,
  type EventOf,
  type EventMeta,
  mintId,
  type Outcome,
  type Recorded,
  type Refusal,
  unauthentic,
} from '#contracts';
import type { TraceParent } from '../tracing/log-tracer.js';
import type { Aggregate, PartitionState, Remembered } from './partition-state.js';

/** Below the largest record of an events topic, with room for Kafka's own fields. */
const LARGEST_EVENT_BYTES = 900_000;

/** A command as it was read, or why it could not be. */
export interface ReadCommand<C extends ContextContract> {
  readonly offset: bigint;
  readonly command: Addressed<CommandOf<C>>;
  /** Why it is no command of ours, whatever it says. */
  readonly unauthentic?: string | undefined;
  /** Of which trace it says that it is a part. */
  readonly traceparent?: TraceParent | undefined;
}

/** An event as a record: its id, and the value. */
interface EncodedEvent {
  readonly id: string;
  readonly value: string;
}

/** One command's part of a transaction: its events, and the outcome once their offsets are known. */
export interface Decided<C extends ContextContract> {
  readonly read: ReadCommand<C>;
  /** The aggregate that was decided on: for a retry of a creation, the one that the first try made. */
  readonly subject: string;
  readonly events: readonly EncodedEvent[];
  /** The outcome; `lastEvent` is the offset of the aggregate's last event in this batch, undefined when there is none. */
  readonly outcome: (lastEvent: bigint | undefined) => Outcome;
  /** The same command earlier in this batch, whose answer this one gets. */
  readonly repeats?: Decided<C>;
  /** False for answers that a retry may get afresh. */
  readonly remember: boolean;
  /** What the decider threw. */
  readonly failure?: { readonly error: unknown };
}

export interface DecidedBatch<C extends ContextContract, S> {
  readonly decided: readonly Decided<C>[];
  /** The aggregates as the batch leaves them, without the offsets of its events; in force once it is committed. */
  readonly changed: ReadonlyMap<string, Omit<Aggregate<S>, 'offset'>>;
}

/**
 * Decides commands in their order against the state and what earlier ones of the same batch changed. Pure but for ids
 * of events; nothing of it is in force before the transaction that carries it is committed.
 */
export function decideBatch<C extends ContextContract, S>(
  { decider, encode }: { readonly decider: Decider<C, S>; readonly encode: (event: Recorded<EventOf<C>>) => string },
  state: PartitionState<C, S>,
  partition: number,
  commands: readonly ReadCommand<C>[],
  now: Date,
): DecidedBatch<C, S> {
  const changed = new Map<string, Omit<Aggregate<S>, 'offset'>>();
  const answered = new Map<string, Decided<C>>();
  const decided = commands.map((read) => {
    const answer = decideOne(read);
    if (answer.remember) answered.set(read.command.meta.id, answer);
    return answer;
  });
  return { decided, changed };

  function decideOne(read: ReadCommand<C>): Decided<C> {
    const { meta } = read.command;
    if (read.unauthentic !== undefined)
      return plain(read, { status: 'refused', refusal: unauthentic(read.unauthentic) }, false);
    const remembered = state.recall(meta.id);
    if (remembered) return repeat(read, remembered);
    const earlier = answered.get(meta.id);
    if (earlier) {
      if (earlier.read.command.meta.bodyDigest !== meta.bodyDigest)
        return plain(read, { status: 'refused', refusal: keyReused() }, false);
      return { ...earlier, read, events: [], remember: false, repeats: earlier };
    }
    if (Date.parse(meta.deadline) < now.getTime()) return plain(read, { status: 'expired' }, false);
    const before = changed.get(meta.subject) ?? state.aggregate(meta.subject);
    if (meta.expectedVersion !== undefined && before && before.version !== meta.expectedVersion) {
      return plain(read, { status: 'refused', refusal: staleVersion(meta.expectedVersion, before.version) }, true);
    }
    try {
      return decideOn(read, before);
    } catch (error) {
      // A pure function that threw will throw again: a poison command fails, and the partition goes on.
      return { ...plain(read, { status: 'failed' }, true), failure: { error } };
    }
  }

  function decideOn(read: ReadCommand<C>, before: Omit<Aggregate<S>, 'offset'> | undefined): Decided<C> {
    const { meta } = read.command;
    const decision = decider.decide(before?.state, read.command);
    if (decision.kind === 'refused') return plain(read, { status: 'refused', refusal: decision.refusal }, true);
    let aggregate = before;
    const events = decision.events.map((event) => {
      const version = (aggregate?.version ?? 0) + 1;
      const recorded = { ...event, meta: metaOf(read, version) };
      aggregate = { state: decider.evolve(aggregate?.state, recorded), version };
      const value = encode(recorded);
      if (Buffer.byteLength(value) > LARGEST_EVENT_BYTES)
        throw new Error(`an event of ${read.command.type} is too large`);
      return { id: recorded.meta.id, value };
    });
    if (!aggregate)
      throw new Error(`${read.command.type} was accepted for ${meta.subject}, which does not exist, without an event`);
    const after = aggregate;
    const resource = decider.view(after.state, after.version);
    // Last, so that a command that throws anywhere above leaves nothing behind.
    if (events.length > 0) changed.set(meta.subject, after);
    return {
      read,
      subject: meta.subject,
      events,
      remember: true,
      outcome: (lastEvent) => ({
        commandId: meta.id,
        status: 'succeeded',
        bodyDigest: meta.bodyDigest,
        version: after.version,
        ...offsetOf(lastEvent ?? state.aggregate(meta.subject)?.offset),
        resource,
      }),
    };
  }

  function repeat(read: ReadCommand<C>, remembered: Remembered): Decided<C> {
    if (remembered.bodyDigest !== read.command.meta.bodyDigest)
      return plain(read, { status: 'refused', refusal: keyReused() }, false);
    const aggregate = changed.get(remembered.subject) ?? state.aggregate(remembered.subject);
    const { subject: _subject, decidedAt: _decidedAt, ...answer } = remembered;
    const resource =
      answer.status === 'succeeded' && aggregate ? { resource: decider.view(aggregate.state, aggregate.version) } : {};
    return {
      read,
      subject: remembered.subject,
      events: [],
      remember: false,
      outcome: () => ({ ...answer, ...resource, repeated: true }),
    };
  }

  function metaOf({ offset, command: { meta } }: ReadCommand<C>, version: number): EventMeta {
    return {
      id: mintId(partition, now.getTime()),
      subject: meta.subject,
      time: now.toISOString(),
      actor: meta.actor,
      correlationId: meta.correlationId,
      causationId: meta.id,
      version,
      commandOffset: offset,
    };
  }
}

function plain<C extends ContextContract>(
  read: ReadCommand<C>,
  answer: { readonly status: 'refused'; readonly refusal: Refusal } | { readonly status: 'failed' | 'expired' },
  remember: boolean,
): Decided<C> {
  const { id: commandId, bodyDigest, subject } = read.command.meta;
  return { read, subject, events: [], remember, outcome: () => ({ commandId, bodyDigest, ...answer }) };
}

function offsetOf(offset: bigint | undefined): { offset?: string } {
  return offset === undefined ? {} : { offset: String(offset) };
}

function staleVersion(expected: number, version: number): Refusal {
  return {
    status: 412,
    type: 'stale-version',
    title: 'The resource has changed',
    detail: `The request names version ${expected}, but the resource is at version ${version}.`,
  };
}

function keyReused(): Refusal {
  return {
    status: 422,
    type: 'idempotency-key-reused',
    title: 'The Idempotency-Key was used for another request',
    detail: 'A request with this Idempotency-Key and another body was decided before. Use a new key for a new request.',
  };
}
