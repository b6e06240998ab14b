import { randomUUID } from 'node:crypto';
import {
  type Addressed,
  type CommandOf,
  ContextCodec,
  type ContextContract,
  type Decider,
  type EventOf,
  type Outcome,
  OutcomeCodec,
  type Recorded,
  topicsOf,
} from '#contracts';
import { Backoff } from '../kafka/backoff.js';
import { FencedProducer, type KeyedValue, WriterFenced } from '../kafka/fenced-producer.js';
import type { LogConnection } from '../kafka/log-connection.js';
import { type LogRecord, PartitionReader, type Slice } from '../kafka/partition-reader.js';
import { decideBatch, type Decided, type DecidedBatch, type ReadCommand } from './decide-batch.js';
import type { CommandFeed } from './command-feed.js';
import { outcomesOf } from './outcome-codec.js';
import { type Aggregate, PartitionState } from './partition-state.js';

/** Records of one produce request stay well below a topic's largest. */
const REQUEST_BYTES = 600_000;
const BATCH_COMMANDS = 250;

export interface PartitionWriterOptions<C extends ContextContract, S> {
  readonly decider: Decider<C, S>;
  readonly partition: number;
  readonly connection: LogConnection;
  readonly feed: CommandFeed;
  /** Resolves at the next moment at which the group confirms that the partition is this instance's. */
  readonly confirmed: () => Promise<void>;
  /** The partition's history cannot be folded: nothing may be decided on it. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * The one that decides for a partition: fences every earlier writer, restores the state from the log, then decides
 * commands in their order, each batch in one transaction of events and outcomes. After any error it starts over with
 * the fence and reads what was committed: the log alone says what happened.
 */
export class PartitionWriter<C extends ContextContract, S> {
  readonly #producer: FencedProducer;
  readonly #codec: ContextCodec<C>;
  readonly #outcomes: OutcomeCodec;
  readonly #state: PartitionState<C, S>;
  readonly #stopping = new AbortController();
  readonly #topics: { readonly commands: string; readonly events: string; readonly outcomes: string };
  #loop: Promise<void> | undefined;

  constructor(private readonly options: PartitionWriterOptions<C, S>) {
    const { decider, partition, connection } = options;
    const { prefix } = connection.settings;
    const { commands, events, outcomes } = topicsOf(decider.contract);
    this.#topics = { commands: prefix + commands.name, events: prefix + events.name, outcomes: prefix + outcomes.name };
    this.#codec = new ContextCodec(decider.contract);
    this.#outcomes = new OutcomeCodec(decider.contract.context);
    this.#state = new PartitionState(decider);
    this.#producer = new FencedProducer(
      connection,
      `${prefix}gatehouse.${decider.contract.context}.writer.${partition}`,
    );
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** Ends after the transaction under way. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const { sink } = this.options.connection.settings;
    const backoff = new Backoff(20, 1_000);
    while (!signal.aborted) {
      try {
        await this.#producer.fence(signal);
        await this.#restore();
        backoff.reset();
        await this.#decideUntilStopped();
      } catch (error) {
        if (this.#stopping.signal.aborted) return;
        if (error instanceof UnusableHistory) {
          this.options.onFailure(error.cause);
          return;
        }
        sink.warn(
          { err: error, transactionalId: this.#producer.transactionalId },
          'the writer starts over from the log',
        );
        if (error instanceof WriterFenced) await Promise.race([this.options.confirmed(), aborted(signal)]);
        await this.options.connection.refresh();
        await backoff.wait(signal);
      }
    }
  }

  /** Folds events and outcomes from where they were last read to their ends. After the fence nobody else adds to them. */
  async #restore(): Promise<void> {
    const { partition, connection } = this.options;
    const state = this.#state;
    const outcomes = outcomesOf(this.options.decider.contract);
    const end = async (topic: string): Promise<bigint> =>
      (await connection.offsets(topic, [partition], 'end')).get(partition) ?? 0n;
    const start =
      (await connection.offsets(this.#topics.outcomes, [partition], 'start', 'uncommitted')).get(partition) ?? 0n;
    const now = Date.now();
    await this.#readTo(this.#topics.events, state.nextEvent, await end(this.#topics.events), ({ value, offset }) => {
      state.apply(this.#codec.decodeEvent(value), offset);
    });
    await this.#readTo(
      this.#topics.outcomes,
      state.nextOutcome > start ? state.nextOutcome : start,
      await end(this.#topics.outcomes),
      ({ value, offset }) => {
        state.note(outcomes.decode(value), offset, now);
      },
    );
  }

  async #readTo(topic: string, from: bigint, end: bigint, apply: (record: LogRecord) => void): Promise<void> {
    if (from >= end) return;
    const { partition, connection } = this.options;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const reader = new PartitionReader(connection.settings, {
      onSlice: ({ records, nextOffset }) => {
        records.forEach(apply);
        if (nextOffset >= end) resolve();
      },
      onFailure: (error) => reject(new UnusableHistory('history cannot be folded', { cause: error })),
    });
    reader.assign(topic, partition, from);
    try {
      await Promise.race([promise, aborted(this.#stopping.signal).then(() => this.#stopping.signal.throwIfAborted())]);
    } finally {
      await reader.close();
    }
  }

  async #decideUntilStopped(): Promise<void> {
    const { partition, connection, feed } = this.options;
    const start =
      (await connection.offsets(this.#topics.commands, [partition], 'start', 'uncommitted')).get(partition) ?? 0n;
    const from = this.#state.nextCommand;
    await feed.follow(
      partition,
      from > start ? from : start,
      (slice) => this.#decideSlice(slice),
      this.#stopping.signal,
    );
  }

  async #decideSlice({ records }: Slice): Promise<void> {
    const { sink } = this.options.connection.settings;
    const commands = records.flatMap((record): ReadCommand<C>[] => {
      try {
        const command: Addressed<CommandOf<C>> = this.#codec.decodeCommand(record.value);
        return record.offset < this.#state.nextCommand ? [] : [{ offset: record.offset, command }];
      } catch (error) {
        // Nobody is answered who did not write a command of this release; the partition goes on.
        sink.error(
          { err: error, topic: record.topic, partition: record.partition, offset: String(record.offset) },
          'a record is not a command',
        );
        return [];
      }
    });
    for (let at = 0; at < commands.length; at += BATCH_COMMANDS) {
      if (this.#stopping.signal.aborted) return;
      await this.#commit(commands.slice(at, at + BATCH_COMMANDS));
    }
  }

  async #commit(commands: readonly ReadCommand<C>[]): Promise<void> {
    const { decider, partition } = this.options;
    const now = new Date();
    const encode = (event: Recorded<EventOf<C>>): string => this.#codec.encodeEvent(event, event.meta);
    const batch = decideBatch({ decider, encode }, this.#state, partition, commands, now);
    const { events, outcomes } = this.#topics;
    const eventRecords = batch.decided.flatMap(({ events: encoded, subject }) =>
      encoded.map((value) => ({ key: subject, value })),
    );
    const topics = (eventRecords.length > 0 ? [events, outcomes] : [outcomes]).map((topic) => ({
      topic,
      partitions: [partition],
    }));
    await this.#producer
      .transact(topics, async (transaction) => {
        const append = async (topic: string, records: readonly KeyedValue[]): Promise<bigint[]> => {
          const offsets: bigint[] = [];
          for (const portion of portions(records)) {
            const first = await transaction.append(topic, partition, portion);
            portion.forEach((_, index) => offsets.push(first + BigInt(index)));
          }
          return offsets;
        };
        const offsets = await append(events, eventRecords);
        const answers = withOutcomes(batch.decided, offsets);
        const written = await append(
          outcomes,
          answers.map(({ decided: { read, subject }, outcome }) => ({
            key: subject,
            value: encodeWithin(outcome, (fitting) =>
              this.#outcomes.encode(fitting, {
                id: randomUUID(),
                time: now.toISOString(),
                command: { ...read.command.meta, subject },
                commandOffset: read.offset,
              }),
            ),
          })),
        );
        return { answers, offsets, lastOutcome: written.at(-1) };
      })
      .then(({ answers, offsets, lastOutcome }) => {
        this.#apply(batch, answers, offsets, lastOutcome, now.getTime());
      });
  }

  /** The transaction is committed: what was decided is in force. */
  #apply(
    batch: DecidedBatch<C, S>,
    answers: readonly Answered<C>[],
    offsets: readonly bigint[],
    lastOutcome: bigint | undefined,
    now: number,
  ): void {
    const state = this.#state;
    for (const { decided, outcome, lastEvent } of answers) {
      const { subject } = decided;
      const changed = batch.changed.get(subject);
      if (changed && lastEvent !== undefined)
        state.replace(subject, { ...changed, offset: lastEvent } satisfies Aggregate<S>);
      if (decided.remember) {
        const { resource: _resource, repeated: _repeated, ...answer } = outcome;
        state.remember({ ...answer, subject, decidedAt: now });
      }
      state.nextCommand = decided.read.offset + 1n;
    }
    const lastEvent = offsets.at(-1);
    if (lastEvent !== undefined) state.nextEvent = lastEvent + 1n;
    if (lastOutcome !== undefined) state.nextOutcome = lastOutcome + 1n;
  }
}

/** The log's history of this partition cannot be folded, whoever tries. */
class UnusableHistory extends Error {
  override readonly name = 'UnusableHistory';
}

interface Answered<C extends ContextContract> {
  readonly decided: Decided<C>;
  readonly outcome: ReturnType<Decided<C>['outcome']>;
  readonly lastEvent: bigint | undefined;
}

/** Gives each command the offsets of its own events, in the order in which they were appended. */
function withOutcomes<C extends ContextContract>(
  decided: readonly Decided<C>[],
  offsets: readonly bigint[],
): Answered<C>[] {
  let next = 0;
  const outcomes = new Map<Decided<C>, Answered<C>['outcome']>();
  const lastOf = new Map<string, bigint>();
  return decided.map((one) => {
    next += one.events.length;
    const lastEvent = one.events.length > 0 ? offsets[next - 1] : undefined;
    if (lastEvent !== undefined) lastOf.set(one.subject, lastEvent);
    const first = one.repeats && outcomes.get(one.repeats);
    // A command that had nothing to change answers with what an earlier one of the same batch did.
    const outcome = first ? { ...first, repeated: true } : one.outcome(lastOf.get(one.subject));
    outcomes.set(one, outcome);
    return { decided: one, outcome, lastEvent };
  });
}

/** An outcome whose resource is too large for a record goes without it: the answer is then read elsewhere. */
function encodeWithin(outcome: Outcome, encode: (outcome: Outcome) => string): string {
  const value = encode(outcome);
  if (Buffer.byteLength(value) <= REQUEST_BYTES) return value;
  const { resource: _resource, ...rest } = outcome;
  return encode(rest);
}

function portions(records: readonly KeyedValue[]): KeyedValue[][] {
  const found: KeyedValue[][] = [];
  let bytes = 0;
  for (const record of records) {
    const last = found.at(-1);
    const size = Buffer.byteLength(record.value);
    if (last && bytes + size <= REQUEST_BYTES) {
      last.push(record);
      bytes += size;
    } else {
      found.push([record]);
      bytes = size;
    }
  }
  return found;
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
