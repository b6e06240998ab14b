import {
  bodyDigest,
  type CommandOf,
  type ContextContract,
  type EventOf,
  type Position,
  reactionCommandId,
  reactorGroup,
  type Recorded,
  topicsOf,
} from '#contracts';
import type { CommandPort, NewCommand } from '../command/command-sender.js';
import { Backoff } from '../kafka/backoff.js';
import { LogConnection, type LogSettings } from '../kafka/log-connection.js';
import { PartitionReader } from '../kafka/partition-reader.js';
import type { LogRecord, Slice } from '../kafka/visible-records.js';
import { GroupMembership } from '../membership/group-membership.js';
import { eventsOf, type RecordSource } from '../tail/record-source.js';
import { alone } from '../sink/correlated.js';
import { noTracer } from '../tracing/log-tracer.js';
import { nextPortion } from './portion.js';

/** A command that a reactor asks for: who asks, when and under which id follows from the event. */
export type Reaction<C extends ContextContract> = CommandOf<C> & { readonly subject: string };

/**
 * Carries news from one context to another: each event of `source` may ask commands of `target`. `react` is pure. A
 * repeat asks the same commands under the same ids; the target's decider refuses from its own state to do a thing twice.
 */
export interface ReactorDefinition<Source extends ContextContract, Target extends ContextContract> {
  readonly name: string;
  readonly source: Source;
  readonly target: Target;
  /** How much later than the log it may be, in milliseconds: {@link REST_MS} unless it is said. */
  readonly restMs?: number;
  readonly react: (event: Recorded<EventOf<Source>>) => readonly Reaction<Target>[];
}

export function defineReactor<Source extends ContextContract, Target extends ContextContract>(
  definition: ReactorDefinition<Source, Target>,
): ReactorDefinition<Source, Target> {
  return definition;
}

/** How news goes from one topic to another, for who must know whether it has arrived. */
export interface ReactionPath {
  /** Whether a position is one that this reactor comes by. */
  readonly follows: (position: Position) => boolean;
  /** The events that it comes by. */
  readonly source: Pick<RecordSource<unknown>, 'topic' | 'partitions'>;
  /** The events of the context that it asks commands of. */
  readonly target: Pick<RecordSource<unknown>, 'topic' | 'partitions'>;
  /** Whether every command asked for because of this position, and of all before it, has its outcome. */
  hasPassed(position: Position): Promise<boolean>;
}

const OUTCOME_WAIT_MS = 10_000;
/** What follows from an event comes this much later, in milliseconds, and a busy log costs fewer fetches and checkpoints. */
const REST_MS = 10;

/** Of what a fetch brought; the checkpoint moves when they are done. It bounds what is repeated after a takeover, too. */
const EVENTS_AT_ONCE = 32;

/** An event that asks something. */
interface AskingEvent<Source extends ContextContract, Target extends ContextContract> {
  readonly record: LogRecord;
  readonly event: Recorded<EventOf<Source>>;
  readonly reactions: readonly Reaction<Target>[];
}

/**
 * Runs a reactor on the partitions that its group gives this instance. Its checkpoint is the group's offset, moved when
 * the outcome of every command it asked for was read; no rebuild ever resets it. What a fetch brought of several subjects is
 * asked for at once (docs/adr/0045).
 */
export class Reactor<Source extends ContextContract, Target extends ContextContract> implements ReactionPath {
  readonly source: ReactionPath['source'];
  readonly target: ReactionPath['target'];
  readonly #membership: GroupMembership;
  readonly #connection: LogConnection;
  readonly #reader: PartitionReader;
  readonly #source: RecordSource<Recorded<EventOf<Source>>>;
  readonly #topic: string;
  readonly #stopping = new AbortController();
  /** The partitions that are this instance's, each with what tells one assignment of it from the next. */
  readonly #held = new Map<number, symbol>();
  /** Questions for a partition's checkpoint that are under way. */
  readonly #asked = new Map<number, Promise<bigint>>();

  constructor(
    private readonly settings: LogSettings,
    private readonly definition: ReactorDefinition<Source, Target>,
    private readonly commands: CommandPort<Target>,
    onFailure: (error: unknown) => void,
  ) {
    this.#source = eventsOf(definition.source);
    this.source = this.#source;
    this.target = eventsOf(definition.target);
    settings.onTopic?.('receives', this.#source.topic);
    settings.onGroup?.(reactorGroup(definition.name));
    this.#topic = settings.prefix + this.#source.topic;
    this.#connection = new LogConnection(settings);
    this.#reader = new PartitionReader(settings, {
      name: definition.name,
      onSlice: (slice) => this.#reactTo(slice),
      restMs: definition.restMs ?? REST_MS,
      onFailure,
    });
    this.#membership = new GroupMembership(settings, {
      groupId: settings.prefix + reactorGroup(definition.name),
      topic: this.#topic,
      partitions: topicsOf(definition.source).events.partitions,
      onAssignment: (partitions) => void this.#follow(partitions),
      // Under its next generation it could move the group's offset back.
      onForgotten: () => void this.#follow(new Set()),
    });
  }

  /** Resolves when the group has given this instance its share. */
  async start(): Promise<void> {
    await this.#membership.start();
  }

  readonly follows = ({ topic, partition }: Position): boolean =>
    topic === this.#source.topic && partition < this.#source.partitions;

  /** As its group's checkpoint says: the instance that holds the partition may be another. */
  async hasPassed({ partition, offset }: Position): Promise<boolean> {
    return (await this.#checkpoint(partition)) > offset;
  }

  /**
   * Whoever asks while a question is under way shares its answer, which may be a moment old: many who wait for a position
   * ask again and again, and would keep the connection busy on which the checkpoint moves.
   */
  #checkpoint(partition: number): Promise<bigint> {
    let asked = this.#asked.get(partition);
    if (!asked) {
      const forget = (): void => void this.#asked.delete(partition);
      asked = this.#membership.committed([partition]).then((found) => found.get(partition) ?? 0n);
      this.#asked.set(partition, asked);
      asked.then(forget, forget);
    }
    return asked;
  }

  /**
   * Waits for no outcome: the writer that would decide may be stopping too, and whoever takes over the partition would
   * wait as long.
   */
  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#reader.close();
    await this.#membership.close();
    await this.#connection.close();
  }

  async #follow(partitions: ReadonlySet<number>): Promise<void> {
    for (const partition of [...this.#held.keys()]) {
      if (partitions.has(partition)) continue;
      this.#held.delete(partition);
      this.#reader.unassign(this.#topic, partition);
    }
    const added = [...partitions].filter((partition) => !this.#held.has(partition));
    const shares = new Map(added.map((partition) => [partition, Symbol(partition)]));
    for (const [partition, share] of shares) this.#held.set(partition, share);
    const backoff = new Backoff(50, 1_000);
    while (added.length > 0 && !this.#stopping.signal.aborted) {
      try {
        const committed = await this.#membership.committed(added);
        for (const [partition, share] of shares) {
          // Events live for ever: without a checkpoint a reactor starts with the first. What was lost meanwhile and given again is another share's.
          if (this.#held.get(partition) === share)
            this.#reader.assign(this.#topic, partition, committed.get(partition) ?? 0n);
        }
        return;
      } catch (error) {
        this.settings.sink.debug({ err: error, reactor: this.definition.name }, 'the checkpoint could not be read yet');
        await this.#connection.refresh();
        await backoff.wait(this.#stopping.signal);
      }
    }
  }

  async #reactTo(slice: Slice): Promise<void> {
    const assignment = this.#held.get(slice.partition);
    for (let at = 0; this.#held.get(slice.partition) === assignment;) {
      // Not before the portion's turn: what follows from an event follows from what is known when it is asked.
      const portion = nextPortion(slice.records, at, EVENTS_AT_ONCE, (record) => this.#reactionsTo(record));
      const unanswered = await this.#askTogether(portion.asking);
      const next = slice.records[(at = portion.end)]?.offset;
      await this.#moveCheckpoint(slice.partition, unanswered ?? next ?? slice.nextOffset, assignment);
      if (unanswered !== undefined) return;
      if (portion.fault) throw portion.fault.error;
      if (next === undefined) return;
    }
  }

  #reactionsTo(record: LogRecord): AskingEvent<Source, Target> | undefined {
    const event = this.#source.decode(record.value, record);
    const reactions = this.definition.react(event);
    return reactions.length === 0 ? undefined : { record, event, reactions };
  }

  /**
   * Events of several subjects at once; one that asks something of a subject waits until every event before it that
   * asks something of it is done.
   *
   * @returns the offset of the first that is not done, since this instance stops
   */
  async #askTogether(events: readonly AskingEvent<Source, Target>[]): Promise<bigint | undefined> {
    const { tracer = noTracer, correlated = alone } = this.settings;
    const last = new Map<string, Promise<boolean>>();
    const done = events.map(({ record, event, reactions }) => {
      const subjects = reactions.map(({ subject }) => subject);
      const before = subjects.flatMap((subject) => last.get(subject) ?? []);
      const after = async (): Promise<boolean> => {
        await Promise.all(before);
        return await correlated(event.meta.correlationId, () =>
          tracer.follows(this.#source.topic, record.traceparent, () => this.#askAll(reactions, event)),
        );
      };
      const isDone = after();
      for (const subject of subjects) last.set(subject, isDone);
      return isDone;
    });
    return events[(await Promise.all(done)).indexOf(false)]?.record.offset;
  }

  async #askAll(reactions: readonly Reaction<Target>[], event: Recorded<EventOf<Source>>): Promise<boolean> {
    for (const [index, reaction] of reactions.entries()) {
      if (!(await this.#ask(reaction, event, index))) return false;
    }
    return true;
  }

  /**
   * Again and again while the partition is held under this assignment: a rebalance refuses it for a moment, and where the
   * partition stays here nobody else reads these events again. Once more at a stop, for the next instance to go on from.
   */
  async #moveCheckpoint(partition: number, offset: bigint, assignment: symbol | undefined): Promise<void> {
    const backoff = new Backoff(20, 500);
    const { signal } = this.#stopping;
    while (assignment !== undefined && this.#held.get(partition) === assignment) {
      try {
        await this.#membership.commit(partition, offset);
        return;
      } catch (error) {
        // If another instance goes on from the last checkpoint, what it repeats has the same command ids.
        this.settings.sink.debug({ err: error, reactor: this.definition.name }, 'the checkpoint was not moved');
        if (signal.aborted) return;
        await backoff.wait(signal);
      }
    }
  }

  /**
   * Asks until there is an outcome: a reaction that nobody decided would be lost news.
   *
   * @returns false when this instance stops before: the next one asks again, under the same id
   */
  async #ask(reaction: Reaction<Target>, event: Recorded<EventOf<Source>>, index: number): Promise<boolean> {
    const backoff = new Backoff(100, 5_000);
    const { name } = this.definition;
    const id = reactionCommandId(`${name}/${index}`, event.meta.id);
    const command = {
      ...reaction,
      id,
      actor: `system:${name}`,
      correlationId: event.meta.correlationId,
      causationId: event.meta.id,
      bodyDigest: bodyDigest(reaction.data),
    } satisfies NewCommand<Target>;
    const about = { reactor: name, commandId: id, commandType: reaction.type, aggregateId: reaction.subject };
    while (!this.#stopping.signal.aborted) {
      try {
        const answer = await this.#unlessStopped(this.commands.send(command, { waitMs: OUTCOME_WAIT_MS }));
        if (answer === undefined) return false;
        if (answer.status === 'failed') this.settings.sink.error(about, 'a reaction failed');
        if (answer.status === 'refused')
          this.settings.sink.info({ ...about, reason: answer.refusal.type }, 'a reaction was refused');
        if (answer.status === 'succeeded') this.settings.sink.debug(about, 'reacted');
        if (answer.status !== 'pending' && answer.status !== 'expired') return true;
      } catch (error) {
        this.settings.sink.warn({ err: error, ...about }, 'a reaction did not reach the log yet');
      }
      await backoff.wait(this.#stopping.signal);
    }
    return false;
  }

  /** What a promise gives; undefined when this instance stops before. */
  async #unlessStopped<T>(promise: Promise<T>): Promise<T | undefined> {
    const { signal } = this.#stopping;
    const { promise: stopped, resolve } = Promise.withResolvers<undefined>();
    const stop = (): void => resolve(undefined);
    signal.addEventListener('abort', stop, { once: true });
    try {
      return await Promise.race([promise, stopped]);
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }
}
