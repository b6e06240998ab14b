import { randomUUID } from 'node:crypto';
import {
  type Addressed,
  type CommandOf,
  ContextCodec,
  type ContextContract,
  type Decider,
  type EventOf,
  OutcomeCodec,
  type Recorded,
  topicsOf,
  writerIds,
} from '#contracts';
import type { ActivityPort } from '../append/activity-appender.js';
import { Backoff } from '../kafka/backoff.js';
import { FencedProducer, type KeyedValue, WriterFenced } from '../kafka/fenced-producer.js';
import type { LogConnection } from '../kafka/log-connection.js';
import type { LogScanner } from '../kafka/log-scanner.js';
import type { Slice } from '../kafka/visible-records.js';
import type { SnapshotKeeper } from '../snapshot/snapshot-keeper.js';
import type { Snapshots } from '../snapshot/snapshots.js';
import { alone } from '../sink/correlated.js';
import { type HandledRecord, noTracer } from '../tracing/log-tracer.js';
import { decideBatch, type DecidedBatch, type ReadCommand } from './decide-batch.js';
import { CommandAdmission } from './command-admission.js';
import type { CommandFeed } from './command-feed.js';
import { ForeignRecords } from './foreign-records.js';
import { PartitionHistory, UnusableHistory } from './partition-history.js';
import { type Aggregate, PartitionState } from './partition-state.js';
import { type Answered, encodeWithin, portions, withOutcomes } from './record-layout.js';
import { type Loaded, StateSnapshots } from './state-snapshots.js';
import { tellDecided } from './tell-decided.js';

const BATCH_COMMANDS = 250;

export interface PartitionWriterOptions<C extends ContextContract, S> {
  readonly decider: Decider<C, S>;
  readonly partition: number;
  readonly connection: LogConnection;
  readonly feed: CommandFeed;
  readonly scanner: LogScanner;
  readonly snapshots?: Snapshots | undefined;
  /** Where records that are no commands of ours are reported; without it they are only refused. */
  readonly activity?: ActivityPort | undefined;
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
  readonly #admission: CommandAdmission;
  readonly #outcomes: OutcomeCodec;
  readonly #history: PartitionHistory<C, S>;
  readonly #snapshots: StateSnapshots<C, S> | undefined;
  readonly #keeper: SnapshotKeeper | undefined;
  readonly #foreign: ForeignRecords;
  #state: PartitionState<C, S>;
  /** The snapshot that the state came from, until the log was folded on top of it once. */
  #loaded: Loaded<C, S> | undefined;
  #restored = false;
  readonly #stopping = new AbortController();
  readonly #topics: { readonly commands: string; readonly events: string; readonly outcomes: string };
  #loop: Promise<void> | undefined;
  readonly #decides = Promise.withResolvers<void>();

  constructor(private readonly options: PartitionWriterOptions<C, S>) {
    const { decider, partition, connection } = options;
    const { prefix } = connection.settings;
    const { commands, events, outcomes } = topicsOf(decider.contract);
    this.#topics = { commands: prefix + commands.name, events: prefix + events.name, outcomes: prefix + outcomes.name };
    this.#codec = new ContextCodec(decider.contract);
    this.#admission = new CommandAdmission(decider.contract, connection.settings.commandKeys, options.activity);
    this.#foreign = new ForeignRecords({
      partition,
      writer: `${decider.contract.context}-writer`,
      prefix,
      sink: connection.settings.sink,
      activity: options.activity,
      recordsBetween: (topic, from, to) => this.#recordsBetween(topic, from, to),
      stop: this.#stopping.signal,
    });
    this.#outcomes = new OutcomeCodec(decider.contract.context);
    this.#state = new PartitionState(decider);
    this.#history = new PartitionHistory(connection, decider, partition);
    this.#snapshots = options.snapshots && new StateSnapshots(options.snapshots, decider, partition);
    this.#keeper = this.#snapshots?.keeper(() => this.#state);
    this.#producer = new FencedProducer(connection, `${prefix}${writerIds(decider.contract)}${partition}`);
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** Resolves when what is sent to the partition is decided at once; also when this writer stops before. */
  decides(): Promise<void> {
    return this.#decides.promise;
  }

  /** Ends after the transaction under way. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#decides.resolve();
    await this.#loop;
  }

  /** When it has stopped: leaves a snapshot of what it holds, if that is done before `giveUp` aborts. */
  async leaveSnapshot(giveUp: AbortSignal): Promise<void> {
    await this.#keeper?.close(giveUp);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const { sink } = this.options.connection.settings;
    const backoff = new Backoff(20, 1_000);
    while (!signal.aborted) {
      try {
        await this.#producer.fence(signal);
        this.#foreign.forget();
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

  /** Brings the state to the end of the log: at first from a snapshot, if there is one. After the fence nobody else adds to it. */
  async #restore(): Promise<void> {
    if (!this.#restored) {
      this.#loaded ??= await this.#snapshots?.load();
      if (this.#loaded) this.#state = this.#loaded.state;
    }
    try {
      await this.#readOn();
    } catch (error) {
      if (!(error instanceof UnusableHistory) || !this.#loaded) throw error;
      await this.#loaded.discard(error);
      this.#loaded = undefined;
      this.#state = new PartitionState(this.options.decider);
      await this.#readOn();
    }
    this.#restored = true;
    this.#loaded = undefined;
  }

  async #readOn(): Promise<void> {
    const records = await this.#history.readOn(this.#state, this.#stopping.signal);
    this.#keeper?.moved(records);
  }

  async #decideUntilStopped(): Promise<void> {
    const { partition, connection, feed } = this.options;
    const start =
      (await connection.offsets(this.#topics.commands, [partition], 'start', 'uncommitted')).get(partition) ?? 0n;
    const from = this.#state.nextCommand;
    this.#decides.resolve();
    await feed.follow(
      partition,
      from > start ? from : start,
      (slice) => this.#decideSlice(slice),
      this.#stopping.signal,
    );
  }

  async #recordsBetween(topic: string, from: bigint, to: bigint): Promise<readonly bigint[]> {
    const { partition, scanner } = this.options;
    const found: bigint[] = [];
    await scanner.scan({ topic, partition, from, isolation: 'uncommitted' }, ({ offset }) => {
      if (offset <= to) found.push(offset);
      return offset >= to ? offset : undefined;
    });
    return found;
  }

  async #decideSlice({ records }: Slice): Promise<void> {
    const { sink } = this.options.connection.settings;
    const fresh = records.filter(({ offset }) => offset >= this.#state.nextCommand);
    const commands = fresh.flatMap((record): ReadCommand<C>[] => {
      try {
        const command: Addressed<CommandOf<C>> = this.#codec.decodeCommand(record.value);
        const unauthentic = this.#admission.faultOf(record, command.meta.subject);
        const { offset, traceparent } = record;
        return [{ offset, command, unauthentic, traceparent }];
      } catch (error) {
        // Nobody is answered who did not write a command of this release; the partition goes on.
        sink.error(
          { err: error, topic: record.topic, partition: record.partition, offset: String(record.offset) },
          'a record is not a command',
        );
        return [];
      }
    });
    // On record before they are answered: a writer that ends here does it again.
    await this.#admission.report(fresh, commands);
    for (let at = 0; at < commands.length; at += BATCH_COMMANDS) {
      if (this.#stopping.signal.aborted) return;
      await this.#commit(commands.slice(at, at + BATCH_COMMANDS));
    }
  }

  /** Each command is one span, though all of them are one transaction. */
  async #commit(commands: readonly ReadCommand<C>[]): Promise<void> {
    const { tracer = noTracer, correlated = alone } = this.options.connection.settings;
    const topic = topicsOf(this.options.decider.contract).commands.name;
    const handled = new Map(
      commands.map(({ offset, traceparent, command }) => [
        offset,
        correlated(command.meta.correlationId, () => tracer.begins(topic, traceparent)),
      ]),
    );
    const end = (isHandled: boolean): void => handled.forEach((each) => each.end(isHandled));
    try {
      await this.#decide(commands, handled);
    } catch (error) {
      end(false);
      throw error;
    }
    end(true);
  }

  async #decide(commands: readonly ReadCommand<C>[], handled: ReadonlyMap<bigint, HandledRecord>): Promise<void> {
    const { decider, partition } = this.options;
    const now = new Date();
    const encode = (event: Recorded<EventOf<C>>): string => this.#codec.encodeEvent(event, event.meta);
    const batch = decideBatch({ decider, encode }, this.#state, partition, commands, now);
    const { events, outcomes } = this.#topics;
    const eventRecords = batch.decided.flatMap(({ events: encoded, subject, read }) =>
      encoded.map(({ value }) => ({ key: subject, value, traceparent: handled.get(read.offset)?.parent })),
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
        return { answers, offsets, written };
      })
      .then(({ answers, offsets, written }) => {
        this.#apply(batch, answers, offsets, written.at(-1), now.getTime());
        if (offsets.length > 0) this.#foreign.committed(events, offsets);
        this.#foreign.committed(outcomes, written);
        tellDecided(this.options.connection.settings, answers);
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
    const offset = offsets.at(-1);
    const lastEvent = batch.decided.flatMap(({ events }) => events).at(-1);
    if (offset !== undefined && lastEvent) {
      state.nextEvent = offset + 1n;
      state.lastEvent = { id: lastEvent.id, offset };
    }
    if (lastOutcome !== undefined) state.nextOutcome = lastOutcome + 1n;
    this.#keeper?.moved(offsets.length + answers.length);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
