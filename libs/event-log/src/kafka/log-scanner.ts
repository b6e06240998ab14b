import { Backoff } from './backoff.js';
import { brokerErrorType } from './broker-error.js';
import { LogConnection, type Isolation, type LogSettings } from './log-connection.js';
import { fetchRecords } from './record-requests.js';
import { type LogRecord, type Slice, visibleRecords } from './visible-records.js';

/** Where to look: a partition, from an offset or from the first record at or after a time (milliseconds since 1970). */
export interface ScanFrom {
  /** With its prefix. */
  readonly topic: string;
  readonly partition: number;
  readonly from: bigint | { readonly unixMs: number };
  readonly isolation: Isolation;
  /** How many records to look at; all that there are where nothing is said. */
  readonly limit?: number;
}

/** Which records: of a partition of a topic (without prefix), from an offset on, at most so many. */
export interface RecordsAt {
  readonly topic: string;
  readonly partition: number;
  readonly from: bigint;
  readonly limit: number;
}

/** So many questions wait that another would not be answered in time. */
export class TooManyScans extends Error {
  override readonly name = 'TooManyScans';
  readonly code = 'too-many-scans';

  constructor() {
    super(`${MOST_WAITING} questions to the log wait already`);
  }
}

const TIMEOUT_MS = 5_000;
const MOST_WAITING = 200;
const FETCH_BYTES = 1_048_576;
/** Whatever is asked for, a broker gives one batch at least. */
const ONE_BATCH = 1;
/** A fetch gives something at once while there is something before the end; this is for a broker that does not. */
const MAX_WAIT_MS = 100;

/**
 * Looks things up in the log, for questions that are asked once; who follows a partition uses a reader. One question
 * after the other on one connection: a crowd that asks what became of its commands, while nothing decides them, must
 * take neither the brokers' connections nor this process's memory.
 */
export class LogScanner {
  readonly #connection: LogConnection;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(private readonly settings: LogSettings) {
    this.#connection = new LogConnection(settings);
  }

  /**
   * Looks at the records of a partition, up to its end as it is now, until `find` gives something.
   *
   * @returns undefined when nothing was found, or when the offset is not in the log
   * @throws TooManyScans when too many others wait
   * @throws when the brokers do not answer, or have not given it all 5 s after it was asked
   */
  async scan<T>(from: ScanFrom, find: (record: LogRecord) => T | undefined): Promise<T | undefined> {
    if (this.#waiting >= MOST_WAITING) throw new TooManyScans();
    this.#waiting++;
    const patience = AbortSignal.timeout(TIMEOUT_MS);
    const scanned = this.#last.then(() => this.#scan(from, find, patience));
    this.#last = scanned.catch(() => undefined); // who asked is told; the next question is another
    try {
      return await scanned;
    } finally {
      this.#waiting--;
    }
  }

  /**
   * Records as they stand in the log, what was aborted left out; none where the offset is not in the log, or nothing
   * stands at or after it.
   *
   * @throws as `scan` does
   */
  async read({ topic, ...at }: RecordsAt): Promise<readonly LogRecord[]> {
    const records: LogRecord[] = [];
    const from = { ...at, topic: this.settings.prefix + topic, isolation: 'committed' } as const;
    await this.scan(from, (record): undefined => void records.push(record));
    return records;
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#connection.close();
  }

  async #scan<T>(
    { topic, partition, from, isolation, limit = Infinity }: ScanFrom,
    find: (record: LogRecord) => T | undefined,
    patience: AbortSignal,
  ): Promise<T | undefined> {
    const end = await this.#persist(patience, () => this.#endOf(topic, partition, isolation));
    const begin =
      typeof from === 'bigint' ? from : await this.#persist(patience, () => this.#at(topic, partition, from.unixMs));
    for (let next = begin, left = limit; next < end && left > 0;) {
      const bytes = left === 1 ? ONE_BATCH : FETCH_BYTES;
      const slice = await this.#persist(patience, () => this.#fetch({ topic, partition, next }, isolation, bytes));
      if (slice === undefined) return undefined;
      for (const record of slice.records) {
        if (left-- <= 0) break;
        const found = find(record);
        if (found !== undefined) return found;
      }
      next = slice.nextOffset;
    }
    return undefined;
  }

  /** Asks again after a failure, of whoever leads the partition by then, until the time is over. */
  async #persist<T>(patience: AbortSignal, ask: () => Promise<T>): Promise<T> {
    const backoff = new Backoff();
    for (;;) {
      patience.throwIfAborted();
      try {
        return await ask();
      } catch (error) {
        if (patience.aborted) throw error;
        this.settings.sink.debug({ err: error }, 'the log could not be asked, trying again');
        await backoff.wait(patience);
        await this.#connection.refresh();
      }
    }
  }

  async #endOf(topic: string, partition: number, isolation: Isolation): Promise<bigint> {
    return (await this.#connection.offsets(topic, [partition], 'end', isolation)).get(partition) ?? 0n;
  }

  async #at(topic: string, partition: number, unixMs: number): Promise<bigint> {
    return (await this.#connection.offsetsAt(topic, [partition], unixMs)).get(partition) ?? 0n;
  }

  /** What stands from an offset on; undefined when that is in the log no more. */
  async #fetch(
    place: { readonly topic: string; readonly partition: number; readonly next: bigint },
    isolation: Isolation,
    bytes: number,
  ): Promise<Slice | undefined> {
    const { topic, partition, next } = place;
    const leader = await this.#connection.leaderOf(topic, partition);
    try {
      const [fetched] = await fetchRecords(leader, {
        isolation,
        maxWaitMs: MAX_WAIT_MS,
        maxBytes: bytes,
        partitionMaxBytes: bytes,
        partitions: [{ topic, partition, offset: next }],
      });
      const slice = fetched && visibleRecords(place, fetched, isolation);
      if (slice === undefined || slice.nextOffset <= next)
        throw new Error(`${topic}:${partition} gave nothing at ${next}, before its end`);
      return slice;
    } catch (error) {
      if (brokerErrorType(error) === 'OFFSET_OUT_OF_RANGE') return undefined;
      throw error;
    }
  }
}
