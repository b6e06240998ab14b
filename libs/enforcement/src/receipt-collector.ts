import { formatPosition, type PointReport, type Position, registration, token } from '#contracts';
import { type ActivityPort, type Entry, eventsOf, LogEnds, type LogSettings, LogTail } from '#event-log';
import { AppliedPositions } from './applied-positions.js';
import { type Clock, elapsedSurely, type Instant, processClock } from './clock.js';
import type { EnforcementMeter } from './enforcement-meter.js';
import { KnownPoints } from './known-points.js';
import { positionOfPoint, reports, reportSource, type ToldReport } from './point-codec.js';
import { RefusedReports } from './refused-reports.js';
import { type EnforcementTiming, enforcementTiming, leaseCertainlyOver } from './timing.js';
import { aborted, pause, Waiters } from './waiting.js';

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

/** Whose closures a collector waits for. */
const CLOSURES = { registration: eventsOf(registration), token: eventsOf(token) } as const;
type Closures = (typeof CLOSURES)[keyof typeof CLOSURES];
/** Between questions to brokers that do not answer. */
const RETRY_MS = 200;
/** While nobody waits for a receipt, reports are read this much later, in milliseconds: a busy log costs fewer fetches. */
const REST_MS = 1_000;

/** Collects the reports of enforcement points, and waits until an event is in force at all of them. */
export class ReceiptCollector {
  readonly #ends: LogEnds;
  readonly #tail: LogTail<Closures | typeof reportSource>;
  readonly #points: KnownPoints;
  readonly #waiters = new Waiters();
  readonly #stopping = new AbortController();
  readonly #timing: EnforcementTiming;
  readonly #clock: Clock;
  /** All reports up to the end as it was at the start are read. */
  #started = false;
  #read = new AppliedPositions(new Map());
  /** How many receipts somebody waits for. */
  #asked = 0;

  constructor(
    private readonly settings: LogSettings,
    private readonly options: {
      /** Reading the log cannot go on: no receipt will be given any more. */
      readonly onFailure: (error: unknown) => void;
      /** The context that closes; registration unless it is said. */
      readonly context?: keyof typeof CLOSURES;
      /** Where reports that no point has made are put on record; of those that came before the start nothing is. */
      readonly activity?: ActivityPort;
      readonly meter?: EnforcementMeter;
      readonly timing?: EnforcementTiming;
      readonly clock?: Clock;
    },
  ) {
    const closures: Closures = CLOSURES[options.context ?? 'registration'];
    options.meter?.givesReceipts(options.context ?? 'registration');
    this.#timing = options.timing ?? enforcementTiming;
    this.#clock = options.clock ?? processClock;
    const refused = new RefusedReports(settings, options.activity);
    this.#points = new KnownPoints(this.#timing, this.#clock, (told, reason) => {
      if (this.#started) refused.tell(told, reason);
    });
    this.#ends = new LogEnds(settings);
    this.#tail = new LogTail(settings, {
      sources: [closures, reportSource],
      from: async (ends) => {
        const starts = new Map([...(await ends.endsOf([closures])), ...(await ends.startsOf([reportSource]))]);
        this.#read = new AppliedPositions(starts);
        return starts;
      },
      onBatch: (entries, next) => {
        this.#points.hear(toldIn(entries), !this.#started);
        this.#read.advance(next.topic, next.partition, next.offset);
        this.#waiters.wake();
      },
      restMs: REST_MS,
      isAwaited: () => this.#asked > 0,
      onFailure: (error) => this.#fail(error),
    });
  }

  /** Reads every report in the log, and the events from their end on. Waits for the brokers as long as it takes. */
  async start(): Promise<void> {
    await Promise.race([this.#tail.start(), aborted(this.#stopping.signal)]);
    this.#started = true;
  }

  /** The last report of every point that has neither stopped nor been silent for longer than a lease. */
  points(): readonly PointReport[] {
    return this.#points.current();
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#tail.close();
    await this.#ends.close();
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
    this.#asked++;
    this.#tail.hurry();
    try {
      return await this.#receipt(decided);
    } finally {
      this.#asked--;
    }
  }

  async #receipt(decided: Parameters<ReceiptCollector['receipt']>[0]): Promise<Receipt> {
    const { position } = decided;
    const asked = this.#clock();
    const patience = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(this.#timing.leaseMs)]);
    if (!(await this.#waiters.until(() => this.#read.hasApplied(position), patience))) {
      throw new ReceiptUnavailable(`the event at ${formatPosition(position)} could not be read in time`);
    }
    const readAt = this.#clock();
    if (!(await this.#readAllReports(patience))) {
      throw new ReceiptUnavailable('the reports of the enforcement points could not be read in time');
    }
    this.#points.current();
    await this.#allReportOrLapse(position, readAt);
    const receipt = this.#describe(decided, asked);
    const { context = 'registration', meter } = this.options;
    meter?.receiptGiven(context, receipt.outstanding.length === 0, receipt.elapsedMs / 1_000);
    return receipt;
  }

  async #allReportOrLapse(position: Position, readAt: Instant): Promise<void> {
    const { signal } = this.#stopping;
    const done = new AbortController();
    const stop = AbortSignal.any([signal, done.signal]);
    const lapsed = this.#untilLapsed(readAt, stop);
    const confirmed = this.#waiters.until(() => this.#points.all().every((report) => reports(report, position)), stop);
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
    const known = this.#points.all();
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

  /** Reads the enforcement topic to where it ends now; false when that does not succeed in time. */
  async #readAllReports(patience: AbortSignal): Promise<boolean> {
    while (!patience.aborted) {
      try {
        const end = await this.#ends.endsOf([reportSource]);
        return await this.#waiters.until(() => this.#read.reached(end), patience);
      } catch (error) {
        this.settings.sink.debug({ err: error }, 'the end of the reports could not be asked for');
        await pause(RETRY_MS, patience);
      }
    }
    return false;
  }

  #fail(error: unknown): void {
    this.#stopping.abort();
    this.options.onFailure(error);
  }
}

function toldIn(entries: readonly Entry<ToldReport | object>[]): readonly ToldReport[] {
  return entries.flatMap(({ event }) => ('record' in event ? [event] : []));
}

function identity(report: PointReport, position: Position): OutstandingPoint {
  return { id: report.id, kind: report.kind, position: positionOfPoint(report, position) };
}
