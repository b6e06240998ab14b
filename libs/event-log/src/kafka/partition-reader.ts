import type { Broker } from 'kafkajs/src/cluster/index.js';
import { lagOf, ReadingLag } from '../meter/reading-lag.js';
import { Backoff } from './backoff.js';
import { brokerErrorType } from './broker-error.js';
import { type Isolation, LogConnection, type LogSettings } from './log-connection.js';
import { type FetchedPartition, fetchRecords } from './record-requests.js';
import { abandonRequests } from './send-request.js';
import { takeNext } from './slice-queue.js';
import { type Slice, visibleRecords } from './visible-records.js';

/** The log no longer has what was asked for: its start moved past the checkpoint, or its end fell behind it. */
export class HistoryLost extends Error {
  override readonly name = 'HistoryLost';
  readonly code = 'history-lost';
}

export interface ReaderOptions {
  /** What reads, for the meter of the settings; it is not told of a reader without a name. */
  readonly name?: string | undefined;
  readonly isolation?: Isolation;
  /**
   * Called for each slice, in order within a partition; the next slice of that partition waits for the promise, and
   * holds what several fetches gave meanwhile: a handler that takes its time gets more at once.
   */
  readonly onSlice: (slice: Slice) => Promise<void> | void;
  /** Called once, when reading cannot go on (history lost, or `onSlice` threw). The reader has stopped. */
  readonly onFailure: (error: unknown) => void;
  /** What a partition may hold unread before it is left out of fetches. */
  readonly bufferedRecords?: number;
  /**
   * How long to leave, at the end of the log, between a fetch that gave something and the next, in milliseconds: what
   * comes meanwhile comes together, and a busy log costs fewer fetches. None unless it is said. See {@link PartitionReader.hurry}.
   */
  readonly restMs?: number | (() => number);
  /** Whether somebody waits for what comes next: then it does not rest. Nobody does unless it is said. */
  readonly isAwaited?: () => boolean;
}

/** How long a fetch waits for a first record: each one costs both sides the same, whether it brings something or not. */
const MAX_WAIT_MS = 2_500;
/** A fetch that does not ask for a partition which was assigned since is ended this much later: several are often assigned together. */
const ASSIGNED_TOGETHER_MS = 20;
/** While a partition is left out of the fetch for back-pressure, it must not wait for a long poll of the others. */
const BUSY_WAIT_MS = 25;
const FETCH_BYTES = 8 * 1_048_576;
const PARTITION_BYTES = 2 * 1_048_576;

const nobody = (): boolean => false;

interface Assignment {
  readonly topic: string;
  readonly partition: number;
  next: bigint;
  queued: Slice[];
  queuedRecords: number;
  draining: Promise<void> | undefined;
  removed: boolean;
  readonly lag: ReadingLag;
}

/** A fetch under way. */
interface Poll {
  readonly done: Promise<void>;
  /** How many assignments there had been when it was asked for. */
  readonly covers: number;
}

/**
 * Reads partitions from given offsets, without a consumer group: `assign()`, which kafkajs's consumer does not have.
 * One fetch loop per broker, on a connection of its own. There is no membership to lose, no committed position to be
 * surprised by, and the end of the log is what the broker says it is, so that most of what kafka.md lists against
 * kafkajs's consumer does not arise (docs/adr/0002).
 */
export class PartitionReader {
  /** Another one when a fetch was ended: a broker takes what comes over a connection in turn, and that fetch waits there. */
  #connection: LogConnection;
  #earlierConnections: Promise<unknown> = Promise.resolve();
  /** How many there have been. */
  #assigned = 0;
  #ending: NodeJS.Timeout | undefined;
  readonly #assignments = new Map<string, Assignment>();
  readonly #stopping = new AbortController();
  readonly #limit: number;
  /** The fetches under way, one for each broker at most. */
  readonly #polls = new Map<Broker, Poll>();
  #loop: Promise<void> | undefined;
  #changed: (() => void) | undefined;
  /** Ends the rests that are under way, one for each broker at most. */
  readonly #rests = new Set<() => void>();
  readonly #unfollow: (() => void) | undefined;

  constructor(
    private readonly settings: LogSettings,
    private readonly options: ReaderOptions,
  ) {
    this.#connection = new LogConnection(settings);
    this.#limit = options.bufferedRecords ?? 5_000;
    if (options.name !== undefined)
      this.#unfollow = settings.meter?.follows(options.name, () =>
        lagOf([...this.#assignments.values()].map(({ lag }) => lag)),
      );
  }

  /** Starts to read a partition at an offset; replaces an earlier assignment of it. */
  assign(topic: string, partition: number, offset: bigint): void {
    this.unassign(topic, partition);
    this.#assignments.set(placeOf({ topic, partition }), {
      topic,
      partition,
      next: offset,
      queued: [],
      queuedRecords: 0,
      draining: undefined,
      removed: false,
      lag: new ReadingLag(offset),
    });
    // What is assigned in this turn goes into the first fetch together.
    this.#loop ??= Promise.resolve().then(() => this.#run());
    this.#assigned++;
    this.hurry();
    this.#changed?.();
    this.#endOlderPolls();
  }

  /** Stops to read a partition; slices that were fetched and not handed over are dropped. */
  unassign(topic: string, partition: number): void {
    const key = placeOf({ topic, partition });
    const assignment = this.#assignments.get(key);
    if (!assignment) return;
    assignment.removed = true;
    assignment.queued = [];
    this.#assignments.delete(key);
  }

  /** Like `unassign`, and resolves when the handler under way has ended. */
  async remove(topic: string, partition: number): Promise<void> {
    const draining = this.#assignments.get(placeOf({ topic, partition }))?.draining;
    this.unassign(topic, partition);
    await draining;
  }

  /** Ends the rest between two fetches: somebody waits for what comes next. */
  hurry(): void {
    for (const end of this.#rests) end();
  }

  /** Stops reading, waits for handlers under way, and closes the connection. */
  async close(): Promise<void> {
    this.#stopping.abort();
    this.#unfollow?.();
    this.hurry();
    this.#changed?.();
    const draining = [...this.#assignments.values()].map((assignment) => assignment.draining);
    for (const { topic, partition } of [...this.#assignments.values()]) this.unassign(topic, partition);
    clearTimeout(this.#ending);
    for (const broker of this.#polls.keys()) abandonRequests(broker);
    await this.#connection.close();
    await Promise.all([this.#earlierConnections, this.#loop, ...draining]);
  }

  /** Ends fetches that may wait for long while a partition is not asked for. */
  #endOlderPolls(): void {
    this.#ending ??= setTimeout(() => {
      this.#ending = undefined;
      if (this.#stopping.signal.aborted || ![...this.#polls.values()].some(({ covers }) => covers < this.#assigned))
        return;
      const before = this.#connection;
      this.#connection = new LogConnection(this.settings);
      for (const broker of this.#polls.keys()) abandonRequests(broker);
      this.#earlierConnections = Promise.all([this.#earlierConnections, before.close()]);
    }, ASSIGNED_TOGETHER_MS);
  }

  /** Keeps one fetch under way at each broker that leads an assigned partition; a slow one holds back no other. */
  async #run(): Promise<void> {
    const backoff = new Backoff();
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        const waiting = await this.#startPolls();
        const changed = new Promise<void>((resolve) => (this.#changed = resolve));
        await Promise.race([changed, ...[...this.#polls.values()].map(({ done }) => done), ...waiting]);
        backoff.reset();
      } catch (error) {
        if (this.#stopping.signal.aborted) return;
        await this.#recover(error);
        await backoff.wait(signal);
      }
    }
  }

  /** Starts a fetch at every broker that has none under way; gives what else may open a partition for the next one. */
  async #startPolls(): Promise<Promise<void>[]> {
    const covers = this.#assigned;
    const connection = this.#connection;
    const assigned = [...this.#assignments.values()];
    const open = assigned.filter(({ queuedRecords }) => queuedRecords < this.#limit);
    const maxWaitMs = open.length < assigned.length ? BUSY_WAIT_MS : MAX_WAIT_MS;
    const byLeader = new Map<Broker, Assignment[]>();
    for (const assignment of open) {
      const { topic, partition } = assignment;
      const leader = connection.leaderAtHand(topic, partition) ?? (await connection.leaderOf(topic, partition));
      const led = byLeader.get(leader);
      if (led) led.push(assignment);
      else byLeader.set(leader, [assignment]);
    }
    this.#stopping.signal.throwIfAborted();
    for (const [leader, assignments] of byLeader) {
      if (this.#polls.has(leader)) continue;
      const done = this.#fetchFrom(leader, assignments, maxWaitMs)
        .catch((error: unknown) => {
          // Ended since it did not ask for all that is to be read by now.
          if (connection === this.#connection) throw error;
        })
        .finally(() => this.#polls.delete(leader));
      // A poll that fails while the loop awaits another must not end the process; the race below sees the failure.
      done.catch((error: unknown) => this.settings.sink.debug({ err: error }, 'fetch failed'));
      this.#polls.set(leader, { done, covers });
    }
    if (covers < this.#assigned) this.#endOlderPolls();
    return assigned.flatMap(({ draining, queuedRecords }) =>
      draining && queuedRecords >= this.#limit ? [draining] : [],
    );
  }

  /** After a failed fetch: asks who leads what; stops when history is gone rather than read on from somewhere else. */
  async #recover(error: unknown): Promise<void> {
    this.settings.sink.debug({ err: error }, 'reading failed, trying again');
    try {
      await this.#refuseLostHistory(error);
    } catch (found) {
      if (found instanceof HistoryLost) {
        this.#fail(found);
        return;
      }
      this.settings.sink.debug({ err: found }, 'the bounds of the log could not be asked for');
    }
    await this.#connection.refresh();
  }

  async #fetchFrom(leader: Broker, assignments: readonly Assignment[], maxWaitMs: number): Promise<void> {
    const fetched = await fetchRecords(leader, {
      isolation: this.options.isolation ?? 'committed',
      maxWaitMs,
      maxBytes: FETCH_BYTES,
      partitionMaxBytes: PARTITION_BYTES,
      partitions: assignments.map(({ topic, partition, next }) => ({ topic, partition, offset: next })),
    });
    let gave = false;
    let atEnd = true;
    const asked = new Map(assignments.map((assignment) => [placeOf(assignment), assignment]));
    for (const data of fetched) {
      const assignment = asked.get(placeOf(data));
      if (!assignment || assignment.removed) continue;
      assignment.lag.heard(data.endOffset);
      if (data.batches.length === 0) continue;
      gave = true;
      this.#enqueue(assignment, data);
      atEnd &&= assignment.next >= data.endOffset;
    }
    const { restMs, isAwaited = nobody } = this.options;
    if (gave && atEnd && restMs !== undefined && !isAwaited() && !this.#stopping.signal.aborted)
      await this.#rest(typeof restMs === 'number' ? restMs : restMs());
  }

  /** This is the beat of a clock, unless somebody hurries. */
  async #rest(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#rests.add(resolve);
    await promise;
    this.#rests.delete(resolve);
    clearTimeout(timer);
  }

  #enqueue(assignment: Assignment, data: FetchedPartition): void {
    const slice = visibleRecords(assignment, data, this.options.isolation ?? 'committed');
    if (slice.nextOffset <= assignment.next) return;
    assignment.next = slice.nextOffset;
    assignment.queued.push(slice);
    assignment.queuedRecords += slice.records.length;
    assignment.draining ??= this.#drain(assignment).finally(() => (assignment.draining = undefined));
  }

  async #drain(assignment: Assignment): Promise<void> {
    try {
      for (let slice = takeNext(assignment.queued); slice; slice = takeNext(assignment.queued)) {
        await this.options.onSlice(slice);
        assignment.queuedRecords -= slice.records.length;
        assignment.lag.moved(slice.nextOffset);
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (this.#stopping.signal.aborted) return;
    this.#stopping.abort();
    for (const { topic, partition } of [...this.#assignments.values()]) this.unassign(topic, partition);
    this.options.onFailure(error);
  }

  /** After OFFSET_OUT_OF_RANGE: names the partition whose history is gone, instead of reading on from somewhere else. */
  async #refuseLostHistory(error: unknown): Promise<void> {
    if (brokerErrorType(error) !== 'OFFSET_OUT_OF_RANGE') return;
    for (const { topic, partition, next } of this.#assignments.values()) {
      const start = (await this.#connection.offsets(topic, [partition], 'start', 'uncommitted')).get(partition) ?? 0n;
      const end = (await this.#connection.offsets(topic, [partition], 'end', 'uncommitted')).get(partition) ?? 0n;
      if (next < start || next > end) {
        throw new HistoryLost(
          `${topic}:${partition} holds offsets ${start} to ${end}, but reading should go on at ${next}`,
          { cause: error },
        );
      }
    }
  }
}

function placeOf({ topic, partition }: Pick<Assignment, 'topic' | 'partition'>): string {
  return `${topic}:${partition}`;
}
