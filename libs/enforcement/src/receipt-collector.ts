import {
  enforcementTopic,
  formatPosition,
  PARTITIONS,
  type PointReport,
  type Position,
  registration,
  topicsOf,
} from '#contracts';
import { LogConnection, type LogSettings, PartitionReader, type Slice } from '#event-log';
import { AppliedPositions, type Offsets } from './applied-positions.js';
import { type Clock, elapsedSurely, type Instant, processClock } from './clock.js';
import { decodeReport, positionOfPoint, reports } from './point-codec.js';
import { type EnforcementTiming, enforcementTiming, leaseCertainlyOver } from './timing.js';
import { askUntilAnswered, pause, Waiters } from './waiting.js';

/** A point that has the closure in force. */
export interface ConfirmedPoint {
  readonly id: string;
  readonly kind: PointReport['kind'];
  /** The last record that it had applied in the partition of the event, as `Gatehouse-Position` writes it. */
  readonly position: string;
  /** RFC 3339, by the point's clock. No byte went to a caller of the application after it. */
  readonly appliedAt: string;
}

/** A point that did not report; its lease has run out, so that it lets nobody in. */
export type OutstandingPoint = Pick<ConfirmedPoint, 'id' | 'kind' | 'position'>;

/** The proof that a closure is in force at every enforcement point. */
export interface Receipt {
  readonly applicationId: string;
  /** RFC 3339. */
  readonly decidedAt: string;
  /** Where the event stands in the log. */
  readonly position: string;
  /** RFC 3339: since then no point lets the application in. */
  readonly enforcedAt: string;
  readonly enforcementPoints: readonly ConfirmedPoint[];
  readonly outstanding: readonly OutstandingPoint[];
  /** Writes that had been sent upstream before and could not be called back. */
  readonly inFlightWrites: number;
  /** Milliseconds from the request for this receipt to `enforcedAt`. */
  readonly elapsedMs: number;
}

/** The event could not be read in time, so that nothing can be said of who has it in force. */
export class ReceiptUnavailable extends Error {
  override readonly name = 'ReceiptUnavailable';
  readonly code = 'receipt-unavailable';
}

interface KnownPoint {
  readonly report: PointReport;
  /** When this process read its last report. */
  readonly heardAt: Instant;
}

const EVENTS = topicsOf(registration).events.name;
const REPORTS = enforcementTopic.name;
const PARTITIONS_OF: ReadonlyMap<string, readonly number[]> = new Map([
  [EVENTS, Array.from({ length: PARTITIONS }, (_, partition) => partition)],
  [REPORTS, [0]],
]);

/** Collects the reports of enforcement points, and waits until an event is in force at all of them. */
export class ReceiptCollector {
  readonly #connection: LogConnection;
  readonly #reader: PartitionReader;
  readonly #points = new Map<string, KnownPoint>();
  readonly #waiters = new Waiters();
  readonly #stopping = new AbortController();
  readonly #timing: EnforcementTiming;
  readonly #clock: Clock;
  #read = new AppliedPositions(new Map());

  constructor(
    private readonly settings: LogSettings,
    private readonly options: {
      /** Reading the log cannot go on: no receipt will be given any more. */
      readonly onFailure: (error: unknown) => void;
      readonly timing?: EnforcementTiming;
      readonly clock?: Clock;
    },
  ) {
    this.#timing = options.timing ?? enforcementTiming;
    this.#clock = options.clock ?? processClock;
    this.#connection = new LogConnection(settings);
    this.#reader = new PartitionReader(settings, {
      onSlice: (slice) => this.#take(slice),
      onFailure: (error) => this.#fail(error),
    });
  }

  /** Reads every report in the log, and the events from their end on. Waits for the brokers as long as it takes. */
  async start(): Promise<void> {
    const { signal } = this.#stopping;
    const eventsEnd = await askUntilAnswered(() => this.#ask(EVENTS, 'end'), this.settings, signal);
    const reportsStart = await askUntilAnswered(() => this.#ask(REPORTS, 'start'), this.settings, signal);
    const reportsEnd = await askUntilAnswered(() => this.#ask(REPORTS, 'end'), this.settings, signal);
    if (!eventsEnd || !reportsStart || !reportsEnd) return;
    const starts = new Map([...eventsEnd, ...reportsStart]);
    this.#read = new AppliedPositions(starts);
    for (const [topic, offsets] of starts) {
      offsets.forEach((offset, partition) => this.#reader.assign(this.settings.prefix + topic, partition, offset));
    }
    await this.#waiters.until(() => this.#read.reached(reportsEnd), signal);
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#reader.close();
    await this.#connection.close();
  }

  /**
   * Waits until every enforcement point has the event at `position` in force: it reported so, or its lease has
   * certainly run out. Takes at most about two leases.
   *
   * The clock starts when this process has itself read the event: only then is it certain that a point which asks for
   * the end of the log from now on is told of it.
   *
   * @param decided the closing event's application, place and time
   * @throws ReceiptUnavailable when the event or the reports cannot be read in time
   */
  async receipt(decided: {
    readonly applicationId: string;
    readonly position: Position;
    readonly decidedAt: string;
  }): Promise<Receipt> {
    const { position } = decided;
    const asked = this.#clock();
    const patience = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(this.#timing.leaseMs)]);
    if (!(await this.#waiters.until(() => this.#read.hasApplied(position), patience))) {
      throw new ReceiptUnavailable(`the event at ${formatPosition(position)} could not be read in time`);
    }
    const readAt = this.#clock();
    const end = await askUntilAnswered(() => this.#ask(REPORTS, 'end'), this.settings, patience);
    if (!end || !(await this.#waiters.until(() => this.#read.reached(end), patience))) {
      throw new ReceiptUnavailable('the reports of the enforcement points could not be read in time');
    }
    this.#forgetSilent();
    await this.#allReportOrLapse(position, readAt);
    return this.#describe(decided, asked);
  }

  async #allReportOrLapse(position: Position, readAt: Instant): Promise<void> {
    const { signal } = this.#stopping;
    const done = new AbortController();
    const stop = AbortSignal.any([signal, done.signal]);
    const lapsed = this.#untilLapsed(readAt, stop);
    const confirmed = this.#waiters.until(
      () => [...this.#points.values()].every(({ report }) => reports(report, position)),
      stop,
    );
    await Promise.race([confirmed, lapsed]);
    done.abort();
    await Promise.all([confirmed, lapsed]);
    if (signal.aborted) throw new ReceiptUnavailable('this process stops');
  }

  async #untilLapsed(readAt: Instant, stop: AbortSignal): Promise<void> {
    const most = leaseCertainlyOver(this.#timing);
    for (let left = most; left > 0 && !stop.aborted; left = most - elapsedSurely(readAt, this.#clock())) {
      await pause(Math.ceil(left), stop);
    }
  }

  #describe(
    { applicationId, position, decidedAt }: Parameters<ReceiptCollector['receipt']>[0],
    asked: Instant,
  ): Receipt {
    const known = [...this.#points.values()].map(({ report }) => report);
    const confirmed = known.filter((report) => reports(report, position));
    const now = this.#clock();
    return {
      applicationId,
      decidedAt,
      position: formatPosition(position),
      enforcedAt: new Date(now.wall).toISOString(),
      enforcementPoints: confirmed.map((report) => ({ ...identity(report, position), appliedAt: report.appliedAt })),
      outstanding: known.filter((report) => !confirmed.includes(report)).map((report) => identity(report, position)),
      inFlightWrites: confirmed.reduce((sum, { inFlightWrites }) => sum + (inFlightWrites[applicationId] ?? 0), 0),
      elapsedMs: Math.round(elapsedSurely(asked, now)),
    };
  }

  #take({ topic, partition, records, nextOffset }: Slice): void {
    const name = topic.slice(this.settings.prefix.length);
    if (name === REPORTS) {
      for (const record of records) this.#hear(decodeReport(record.value));
    }
    this.#read.advance(name, partition, nextOffset);
    this.#waiters.wake();
  }

  #hear(report: PointReport): void {
    if (report.stopped) this.#points.delete(report.id);
    else this.#points.set(report.id, { report, heardAt: this.#clock() });
  }

  /** A point that was silent for longer than any lease lets nobody in, and must earn one anew before it does. */
  #forgetSilent(): void {
    const now = this.#clock();
    for (const [id, { heardAt }] of this.#points) {
      if (elapsedSurely(heardAt, now) > leaseCertainlyOver(this.#timing)) this.#points.delete(id);
    }
  }

  async #ask(topic: string, which: 'start' | 'end'): Promise<Offsets> {
    const partitions = PARTITIONS_OF.get(topic) ?? [];
    const found = await this.#connection.offsets(this.settings.prefix + topic, partitions, which);
    return new Map([[topic, partitions.map((partition) => found.get(partition) ?? 0n)]]);
  }

  #fail(error: unknown): void {
    this.#stopping.abort();
    this.options.onFailure(error);
  }
}

function identity(report: PointReport, position: Position): OutstandingPoint {
  return { id: report.id, kind: report.kind, position: positionOfPoint(report, position) };
}
