import { type AccessEvent, AccessFold } from '#access';
import {
  approval,
  encodeReport,
  enforcementTopic,
  isId,
  parseEnvelope,
  PointKey,
  type PointReport,
  POLICY_ID,
  type Position,
  registration,
  token,
} from '#contracts';
import {
  type Entry,
  eventsOf,
  LogEnds,
  type LogRecord,
  type LogSettings,
  LogTail,
  type NextOffsets,
  OrderedAppender,
  type Snapshots,
} from '#event-log';
import { AccessSnapshots } from './access-snapshots.js';
import { AppliedPositions } from './applied-positions.js';
import { type Clock, elapsed, type Instant, processClock } from './clock.js';
import { LapseWatch } from './lapse-watch.js';
import type { EnforcementMeter } from './enforcement-meter.js';
import { Lease } from './lease.js';
import { type EnforcementTiming, enforcementTiming } from './timing.js';
import { aborted, pause, Waiters } from './waiting.js';

export interface EnforcementPointOptions {
  readonly kind: PointReport['kind'];
  /**
   * Access of this application was closed or narrowed: look at its open calls again and destroy those that are no
   * longer allowed, before this returns. The closure is reported right after.
   */
  readonly onClosure: (applicationId: string) => void;
  /**
   * The lease has ended: it lapsed, or the point stops or has failed. Destroy every open call before this returns; of
   * a stop others are told right after.
   */
  readonly onLapse: () => void;
  /** Something of this application is other than it was, or was read from a snapshot. Called often: it must take no time. */
  readonly onFolded?: (applicationId: string) => void;
  /** How many writes of an application were sent to the FHIR server and are not answered: asked when it is closed. */
  readonly inFlightWritesOf?: (applicationId: string) => number;
  /** Reading the log cannot go on: the point lets nobody in until it is made anew. */
  readonly onFailure: (error: unknown) => void;
  /** Where what was folded is kept for the next start; without them every start reads all of the log. */
  readonly snapshots?: Snapshots;
  readonly meter?: EnforcementMeter;
  readonly timing?: EnforcementTiming;
  readonly clock?: Clock;
}

const SOURCES = [eventsOf(registration), eventsOf(approval), eventsOf(token)] as const;

/**
 * One instance that answers from effective access. It folds the log in memory, reports how far it has applied it, and
 * may let calls in while it holds a lease: ask {@link holdsLease} and {@link access} in the tick in which something
 * leaves.
 */
export class EnforcementPoint {
  readonly access = new AccessFold();
  /** Names this point in reports and receipts; another with each start. */
  readonly id: string;
  readonly #key = new PointKey();
  readonly #lease: Lease;
  readonly #lapse: LapseWatch;
  readonly #clock: Clock;
  readonly #timing: EnforcementTiming;
  readonly #ends: LogEnds;
  readonly #reports: OrderedAppender;
  readonly #tail: LogTail<(typeof SOURCES)[number]>;
  readonly #stopping = new AbortController();
  readonly #snapshots: AccessSnapshots | undefined;
  #applied = new AppliedPositions(new Map());
  readonly #waiters = new Waiters();
  /** Of closed applications, what could not be called back: said until nobody waits for a receipt any more. */
  readonly #inFlightWrites = new Map<string, { readonly count: number; readonly closedAt: Instant }>();
  #rounds: Promise<void> | undefined;

  constructor(
    private readonly settings: LogSettings,
    private readonly options: EnforcementPointOptions,
  ) {
    this.id = this.#key.idOf(options.kind);
    this.#timing = options.timing ?? enforcementTiming;
    this.#clock = options.clock ?? processClock;
    this.#lease = new Lease(this.#timing.leaseMs, this.#clock);
    options.meter?.leaseOf(options.kind, () => {
      const leftMs = this.#lease.remainingMs();
      return leftMs > 0 ? (this.#timing.leaseMs - leftMs) / 1_000 : undefined;
    });
    this.#lapse = new LapseWatch(this.#lease, options.onLapse);
    this.#snapshots =
      options.snapshots && new AccessSnapshots(options.snapshots, SOURCES, this.access, () => this.#applied.snapshot());
    settings.onTopic?.('sends', enforcementTopic.name);
    this.#ends = new LogEnds(settings);
    // A report that is older than half a lease earns too little to wait for.
    this.#reports = new OrderedAppender(settings, { deadlineMs: this.#timing.leaseMs / 2 });
    this.#tail = new LogTail(settings, {
      name: `${options.kind}-enforcement`,
      sources: SOURCES,
      from: async (ends) => {
        const begin = (await this.#snapshots?.load()) ?? (await ends.startsOf(SOURCES));
        for (const { applicationId } of this.access.items()) options.onFolded?.(applicationId);
        this.#applied = new AppliedPositions(begin);
        return begin;
      },
      onBatch: (entries, next) => this.#apply(entries, next),
      onUndecodable: (record, error) => this.#closeUndecodable(record, error),
      onFailure: (error) => this.#fail(error),
    });
  }

  /** Whether this point may let calls in at this moment. */
  holdsLease(): boolean {
    return this.#lease.holds();
  }

  /** The next offset of every partition that is folded, by topic without prefix. */
  get applied(): NextOffsets {
    return this.#applied.snapshot();
  }

  /**
   * Folds the log up to its end as it is now, then begins to report; resolves with the first lease. Waits for the
   * brokers as long as it takes.
   */
  async start(): Promise<void> {
    const { signal } = this.#stopping;
    await Promise.race([this.#tail.start(), aborted(signal)]);
    if (signal.aborted) return;
    this.#rounds = this.#run();
    await this.#waiters.until(() => this.#lease.holds(), signal);
  }

  /** Resolves with true when the record at a position is in force here, with false when `patience` ends first. */
  reached(position: Position, patience: AbortSignal): Promise<boolean> {
    return this.#waiters.until(() => this.#applied.hasApplied(position), patience);
  }

  /**
   * Lets nobody in any more, says so in a last report, and stops reading. That report comes first, so that no receipt
   * waits for a point that leaves; after it nothing of this point's may come, or it would count as living again.
   */
  async close(): Promise<void> {
    this.#lapse.drop();
    this.#stopping.abort();
    if (this.#rounds) {
      await this.#rounds;
      await this.#report(true).catch((error: unknown) => {
        // Whoever waits for this point waits until its lease has run out.
        this.settings.sink.warn({ err: error }, 'the last report of this enforcement point was not acknowledged');
      });
    }
    await this.#tail.close();
    await this.#reports.close();
    await this.#ends.close();
    await this.#snapshots?.close();
  }

  /** Reports and earns the lease, every so often. */
  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const t0 = this.#clock();
      try {
        await this.#report(false);
        const ends = await this.#ends.endsOf(SOURCES);
        if (this.#stopping.signal.aborted) return;
        this.#lease.attempt(t0, ends);
        this.#earn();
        this.#waiters.wake();
      } catch (error) {
        this.settings.sink.warn(
          { err: error },
          'this enforcement point could not report; it lets calls in until its lease runs out',
        );
      }
      await pause(this.#timing.reportMs - (this.#clock().monotonic - t0.monotonic), signal);
    }
  }

  /** One synchronous step: between two batches nobody sees access half applied. */
  #apply(entries: readonly Entry<AccessEvent>[], next: Position): void {
    const closures = new Set<string>();
    for (const { event } of entries) {
      const closed = this.access.apply(event, this.#clock().wall);
      if (closed !== undefined) closures.add(closed);
      this.options.onFolded?.(event.meta.subject);
    }
    for (const applicationId of closures) this.#close(applicationId);
    this.#applied.advance(next.topic, next.partition, next.offset);
    this.#snapshots?.applied(entries);
    this.#earn();
    this.#waiters.wake();
    // While it still catches up, the point has no calls and nobody waits for it.
    if (closures.size > 0 && this.#rounds) this.#reportClosure();
  }

  #close(applicationId: string): void {
    this.options.onClosure(applicationId);
    const count = this.options.inFlightWritesOf?.(applicationId) ?? 0;
    if (count > 0) this.#inFlightWrites.set(applicationId, { count, closedAt: this.#clock() });
  }

  /** Receipts take two leases at most. */
  #writesInFlight(): Record<string, number> {
    const now = this.#clock();
    for (const [applicationId, { closedAt }] of this.#inFlightWrites)
      if (elapsed(closedAt, now) > 3 * this.#timing.leaseMs) this.#inFlightWrites.delete(applicationId);
    return Object.fromEntries([...this.#inFlightWrites].map(([applicationId, { count }]) => [applicationId, count]));
  }

  #earn(): void {
    this.#lease.applied(this.#applied);
    this.#lapse.again();
  }

  /** Closes the application whose event this is, and goes on; a record of nobody knows whom stops the point. */
  #closeUndecodable(record: LogRecord, error: unknown): void {
    const subject = record.key ?? parseEnvelope(record.value).subject;
    if (subject === POLICY_ID) return; // nobody's access depends on it
    if (!isId(subject)) throw error;
    this.settings.sink.error(
      { err: error, applicationId: subject },
      'an event cannot be read: its application is closed here',
    );
    this.access.closeUndecodable(subject);
    this.#close(subject);
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
      inFlightWrites: this.#writesInFlight(),
      stopped,
    };
    await this.#reports.append(this.settings.prefix + enforcementTopic.name, 0, {
      key: this.id,
      value: this.#key.sign(encodeReport(report)),
    });
  }

  #fail(error: unknown): void {
    this.#lapse.drop();
    this.#stopping.abort();
    this.options.onFailure(error);
  }
}
