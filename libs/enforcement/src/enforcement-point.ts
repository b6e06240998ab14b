import { AccessFold, accessTopics, readAccessEntry } from '#access';
import { enforcementTopic, PARTITIONS, type PointReport } from '#contracts';
import { LogConnection, type LogSettings, OrderedAppender, PartitionReader, type Slice } from '#event-log';
import { AppliedPositions, type Offsets } from './applied-positions.js';
import { type Clock, processClock } from './clock.js';
import { Lease } from './lease.js';
import { encodeReport } from './point-codec.js';
import { type EnforcementTiming, enforcementTiming } from './timing.js';
import { askUntilAnswered, pause, Waiters } from './waiting.js';

export interface EnforcementPointOptions {
  /** Names this point in reports and receipts; a new one for each start of a process. */
  readonly id: string;
  readonly kind: PointReport['kind'];
  /**
   * Access of this application was closed or narrowed: look at its open calls again and destroy those that are no
   * longer allowed, before this returns. The closure is reported right after.
   */
  readonly onClosure: (applicationId: string) => void;
  /** Reading the log cannot go on: the point lets nobody in until it is made anew. */
  readonly onFailure: (error: unknown) => void;
  readonly timing?: EnforcementTiming;
  readonly clock?: Clock;
}

const PARTITION_NUMBERS = Array.from({ length: PARTITIONS }, (_, partition) => partition);

/**
 * One instance that answers from effective access. It folds the log in memory, reports how far it has applied it, and
 * may let calls in while it holds a lease: ask {@link holdsLease} and {@link access} in the tick in which something
 * leaves.
 */
export class EnforcementPoint {
  readonly access = new AccessFold();
  readonly id: string;
  readonly #lease: Lease;
  readonly #clock: Clock;
  readonly #timing: EnforcementTiming;
  readonly #connection: LogConnection;
  readonly #reports: OrderedAppender;
  readonly #reader: PartitionReader;
  readonly #stopping = new AbortController();
  #applied = new AppliedPositions(new Map());
  readonly #waiters = new Waiters();
  #rounds: Promise<void> = Promise.resolve();

  constructor(
    private readonly settings: LogSettings,
    private readonly options: EnforcementPointOptions,
  ) {
    this.id = options.id;
    this.#timing = options.timing ?? enforcementTiming;
    this.#clock = options.clock ?? processClock;
    this.#lease = new Lease(this.#timing.leaseMs, this.#clock);
    this.#connection = new LogConnection(settings);
    // A report that is older than half a lease earns too little to wait for.
    this.#reports = new OrderedAppender(settings, { deadlineMs: this.#timing.leaseMs / 2 });
    this.#reader = new PartitionReader(settings, {
      onSlice: (slice) => this.#apply(slice),
      onFailure: (error) => this.#fail(error),
    });
  }

  /** Whether this point may let calls in at this moment. */
  holdsLease(): boolean {
    return this.#lease.holds();
  }

  /** The next offset of every partition that is folded, by topic without prefix. */
  get applied(): Offsets {
    return this.#applied.snapshot();
  }

  /**
   * Folds the log up to its end as it is now, then begins to report; resolves with the first lease. Waits for the
   * brokers as long as it takes.
   */
  async start(): Promise<void> {
    const { signal } = this.#stopping;
    const starts = await askUntilAnswered(() => this.#ask('start'), this.settings, signal);
    const ends = await askUntilAnswered(() => this.#ask('end'), this.settings, signal);
    if (!starts || !ends) return;
    this.#applied = new AppliedPositions(starts);
    const caughtUp = this.#waiters.until(() => this.#applied.reached(ends), signal);
    for (const [topic, offsets] of starts) {
      offsets.forEach((offset, partition) => this.#reader.assign(this.settings.prefix + topic, partition, offset));
    }
    if (!(await caughtUp)) return;
    this.#rounds = this.#run();
    await this.#waiters.until(() => this.#lease.holds(), signal);
  }

  /** Lets nobody in any more, says so in a last report, and stops reading. */
  async close(): Promise<void> {
    this.#lease.drop();
    this.#stopping.abort();
    await this.#reader.close();
    await this.#rounds;
    await this.#report(true).catch((error: unknown) => {
      // Whoever waits for this point waits until its lease has run out.
      this.settings.sink.warn({ err: error }, 'the last report of this enforcement point was not acknowledged');
    });
    await this.#reports.close();
    await this.#connection.close();
  }

  /** Reports and earns the lease, every so often. */
  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const t0 = this.#clock();
      try {
        await this.#report(false);
        const ends = await this.#ask('end');
        if (signal.aborted) return;
        this.#lease.attempt(t0, ends);
        this.#lease.applied(this.#applied);
        this.#waiters.wake();
      } catch (error) {
        this.settings.sink.warn(
          { err: error },
          'this enforcement point could not report; it lets calls in until its lease runs out',
        );
        await this.#connection.refresh();
      }
      await pause(this.#timing.reportMs - (this.#clock().monotonic - t0.monotonic), signal);
    }
  }

  /** One synchronous step: between two slices nobody sees access half applied. */
  #apply({ topic, partition, records, nextOffset }: Slice): void {
    const name = topic.slice(this.settings.prefix.length);
    const closures = new Set<string>();
    for (const record of records) {
      const entry = readAccessEntry(name, record);
      if (!entry) continue;
      if (entry.kind === 'undecodable') {
        this.settings.sink.error(
          { err: entry.error, applicationId: entry.applicationId },
          'an event cannot be read: its application is closed here',
        );
      }
      const closed = this.access.apply(entry, this.#clock().wall);
      if (closed !== undefined) closures.add(closed);
    }
    for (const applicationId of closures) this.options.onClosure(applicationId);
    this.#applied.advance(name, partition, nextOffset);
    this.#lease.applied(this.#applied);
    this.#waiters.wake();
    if (closures.size > 0) this.#reportClosure();
  }

  #reportClosure(): void {
    if (this.#stopping.signal.aborted) return;
    this.#report(false).catch((error: unknown) => {
      this.settings.sink.warn({ err: error }, 'a closure is in force here and could not be reported at once');
    });
  }

  async #report(stopped: boolean): Promise<void> {
    const positions = [...this.#applied.snapshot()].map(([topic, offsets]) => [topic, offsets.map(String)] as const);
    const report: PointReport = {
      id: this.id,
      kind: this.options.kind,
      positions: Object.fromEntries(positions),
      appliedAt: new Date(this.#clock().wall).toISOString(),
      inFlightWrites: {},
      stopped,
    };
    await this.#reports.append(this.settings.prefix + enforcementTopic.name, 0, {
      key: this.id,
      value: encodeReport(report),
    });
  }

  async #ask(which: 'start' | 'end'): Promise<Offsets> {
    const asked = await Promise.all(
      accessTopics.map(async (topic) => {
        const found = await this.#connection.offsets(this.settings.prefix + topic, PARTITION_NUMBERS, which);
        return [topic, PARTITION_NUMBERS.map((partition) => found.get(partition) ?? 0n)] as const;
      }),
    );
    return new Map(asked);
  }

  #fail(error: unknown): void {
    this.#lease.drop();
    this.#stopping.abort();
    this.options.onFailure(error);
  }
}
