import type { Position } from '#contracts';
import { LogConnection, type Isolation, type LogSettings, type TopicPartitions } from '../kafka/log-connection.js';
import { Backoff } from '../kafka/backoff.js';
import { PartitionReader } from '../kafka/partition-reader.js';
import type { LogRecord, Slice } from '../kafka/visible-records.js';
import type { Entry, EventIn, RecordSource } from './record-source.js';
import type { ReadingPlace, SharedReader, SliceReader } from './shared-reading.js';

/** Next offsets by topic (without prefix), one for each partition. */
export type NextOffsets = ReadonlyMap<string, readonly bigint[]>;

/** How many offsets lie between two places of the same topics. */
export function distance(from: NextOffsets, to: NextOffsets): number {
  let sum = 0n;
  for (const [topic, offsets] of to) {
    offsets.forEach((offset, partition) => (sum += offset - (from.get(topic)?.[partition] ?? 0n)));
  }
  return Number(sum);
}

/** Topics by their names without prefix. */
type Topics = readonly Pick<RecordSource<unknown>, 'topic' | 'partitions'>[];

/** Asks the brokers where topics end. */
export class LogEnds {
  readonly #connection: LogConnection;

  constructor(private readonly settings: LogSettings) {
    this.#connection = new LogConnection(settings);
  }

  /** The next offset after the last stable record of every partition of each topic (names without prefix). */
  async endsOf(topics: Topics): Promise<Map<string, bigint[]>> {
    return await this.#ask(topics, (asked) => this.#connection.offsetsOf(asked, 'end'));
  }

  /** The next offset after the last record, of open transactions too: whatever was told to anybody stands before it. */
  async highEndsOf(topics: Topics): Promise<Map<string, bigint[]>> {
    return await this.#ask(topics, (asked) => this.#connection.offsetsOf(asked, 'end', 'uncommitted'));
  }

  /** The first offset that is still kept of every partition. */
  async startsOf(topics: Topics): Promise<Map<string, bigint[]>> {
    return await this.#ask(topics, (asked) => this.#connection.offsetsOf(asked, 'start', 'uncommitted'));
  }

  /** The first offset at or after a time, milliseconds since 1970. */
  async offsetsAt(topics: Topics, unixMs: number): Promise<Map<string, bigint[]>> {
    return await this.#ask(topics, async (asked) => {
      const each = asked.map(async ({ topic, partitions }) => {
        return [topic, await this.#connection.offsetsAt(topic, partitions, unixMs)] as const;
      });
      return new Map(await Promise.all(each));
    });
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  async #ask(
    topics: Topics,
    ask: (asked: readonly TopicPartitions[]) => Promise<Map<string, Map<number, bigint>>>,
  ): Promise<Map<string, bigint[]>> {
    const asked = topics.map(({ topic, partitions }) => ({
      topic: this.settings.prefix + topic,
      partitions: Array.from({ length: partitions }, (_, partition) => partition),
    }));
    try {
      const found = await ask(asked);
      const offsets = asked.map(({ topic, partitions }): [string, bigint[]] => [
        topic.slice(this.settings.prefix.length),
        partitions.map((partition) => found.get(topic)?.get(partition) ?? 0n),
      ]);
      return new Map(offsets);
    } catch (error) {
      await this.#connection.refresh();
      throw error;
    }
  }
}

export interface TailOptions<S extends RecordSource<unknown>> {
  /** See `ReaderOptions.name`. */
  readonly name?: string;
  readonly sources: readonly S[];
  /** `start` of what is kept, `end` of it, or given offsets. */
  readonly from: 'start' | 'end' | NextOffsets | ((ends: LogEnds) => Promise<NextOffsets>);
  readonly isolation?: Isolation;
  /** With whom it reads until it has caught up for the first time; from there on it reads alone, and so it does where the place was left. */
  readonly along?: ReadingPlace | undefined;
  /** Entries of one partition, in order, and where reading goes on; perhaps none, when only control records passed. */
  readonly onBatch: (entries: readonly Entry<EventIn<S>>[], next: Position) => Promise<void> | void;
  /** How many batches may be decoded and not applied yet; of other partitions only bytes wait. As many as there are partitions unless it is said. */
  readonly batchesAtOnce?: number;
  /** See `ReaderOptions.restMs`; nobody who waits for something waits for a rest. */
  readonly restMs?: number | (() => number);
  /** Whether somebody waits for what comes next, beside those who wait for offsets; see {@link LogTail.hurry}. */
  readonly isAwaited?: () => boolean;
  /** Reading has ended for good: history lost, a record that cannot be decoded, or `onBatch` threw. */
  readonly onFailure: (error: unknown) => void;
  /** What to do with a record that cannot be decoded; without it the tail stops, loudly. */
  readonly onUndecodable?: (record: LogRecord, error: unknown) => void;
}

/** Follows whole topics from a place to their end and beyond, every partition in order, in a group of nobody. */
export class LogTail<S extends RecordSource<unknown>> {
  /** Until it has caught up, where it reads along with others. */
  #shared: SharedReader | undefined;
  #reader: SliceReader;
  readonly #ends: LogEnds;
  readonly #sources: ReadonlyMap<string, S>;
  readonly #next = new Map<string, bigint[]>();
  readonly #stopping = new AbortController();
  readonly #turns: Turns;
  readonly #waiting = new Set<{ readonly until: NextOffsets; readonly resolve: () => void }>();

  constructor(
    private readonly settings: LogSettings,
    private readonly options: TailOptions<S>,
  ) {
    this.#sources = new Map(options.sources.map((source) => [settings.prefix + source.topic, source]));
    for (const { topic } of options.sources) settings.onTopic?.('receives', topic);
    this.#ends = new LogEnds(settings);
    this.#turns = new Turns(options.batchesAtOnce ?? Infinity);
    this.#shared = options.along?.join(settings, this.#handlers());
    this.#reader = this.#shared ?? this.#readerOfOurOwn();
  }

  /** Starts to read; resolves when everything is applied that stood in the log at the start. Waits for brokers. */
  async start(): Promise<void> {
    const { from, sources } = this.options;
    const begin = await this.#patiently(() => this.#beginning(from));
    for (const source of sources) {
      const offsets = begin.get(source.topic) ?? [];
      this.#next.set(
        source.topic,
        Array.from({ length: source.partitions }, (_, partition) => offsets[partition] ?? 0n),
      );
    }
    const ends = await this.#patiently(() => this.#ends.endsOf(sources));
    this.#assignAll();
    await this.until(ends);
    if (this.#shared) await this.#readAlone();
  }

  /** The next offset to apply of every partition: all before it is applied. */
  applied(): NextOffsets {
    return this.#next;
  }

  /** Where a topic of this tail would go on; undefined for a topic that it does not follow. */
  nextOf(topic: string, partition: number): bigint | undefined {
    return this.#next.get(topic)?.[partition];
  }

  /**
   * Resolves with true when everything before these offsets is applied, with false when `giveUp` aborts first. An offset may
   * be any number that a caller has sent: who waits for one without giving up may wait for ever.
   */
  until(offsets: NextOffsets, giveUp?: AbortSignal): Promise<boolean> {
    if (this.#covers(offsets)) return Promise.resolve(true);
    if (giveUp?.aborted) return Promise.resolve(false);
    this.#reader.hurry();
    return new Promise((resolve) => {
      const onAbort = (): void => {
        this.#waiting.delete(waiting);
        resolve(false);
      };
      const waiting = {
        until: offsets,
        resolve: () => {
          giveUp?.removeEventListener('abort', onAbort);
          resolve(true);
        },
      };
      this.#waiting.add(waiting);
      giveUp?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** Ends the rest between two fetches: somebody waits for what comes next. */
  hurry(): void {
    this.#reader.hurry();
  }

  /** How many wait for something to be applied. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Asks the brokers for the ends and resolves when all of that is applied. */
  async caughtUp(): Promise<void> {
    await this.until(await this.#ends.endsOf(this.options.sources));
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#reader.close();
    await this.#ends.close();
  }

  #handlers() {
    return {
      onSlice: (slice: Slice) => this.#turns.take(() => this.#apply(slice)),
      onFailure: this.options.onFailure,
    };
  }

  #readerOfOurOwn(): PartitionReader {
    const { name, isolation, restMs, isAwaited } = this.options;
    return new PartitionReader(this.settings, {
      name,
      ...(isolation === undefined ? {} : { isolation }),
      ...(restMs === undefined ? {} : { restMs }),
      isAwaited: () => this.#waiting.size > 0 || isAwaited?.() === true,
      ...this.#handlers(),
    });
  }

  #assignAll(): void {
    for (const [topic, offsets] of this.#next)
      offsets.forEach((offset, partition) => this.#reader.assign(this.settings.prefix + topic, partition, offset));
  }

  /** Those that it read along with may take longer, or stand still for a while. */
  async #readAlone(): Promise<void> {
    await this.#reader.close();
    if (this.#stopping.signal.aborted) return;
    this.#shared = undefined;
    this.#reader = this.#readerOfOurOwn();
    this.#assignAll();
  }

  async #beginning(from: TailOptions<S>['from']): Promise<NextOffsets> {
    if (from === 'start') return await this.#ends.startsOf(this.options.sources);
    if (from === 'end') return await this.#ends.endsOf(this.options.sources);
    return typeof from === 'function' ? await from(this.#ends) : from;
  }

  async #patiently<T>(work: () => Promise<T>): Promise<T> {
    const backoff = new Backoff(50, 1_000);
    for (;;) {
      this.#stopping.signal.throwIfAborted();
      try {
        return await work();
      } catch (error) {
        this.settings.sink.debug({ err: error }, 'the log does not answer yet');
        await backoff.wait(this.#stopping.signal);
      }
    }
  }

  async #apply(slice: Slice): Promise<void> {
    const source = this.#sources.get(slice.topic);
    const offsets = source && this.#next.get(source.topic);
    if (!source || !offsets) return;
    await this.options.onBatch(this.#entriesOf(slice, source), {
      topic: source.topic,
      partition: slice.partition,
      offset: slice.nextOffset,
    });
    offsets[slice.partition] = slice.nextOffset;
    for (const waiting of this.#waiting) {
      if (!this.#covers(waiting.until)) continue;
      this.#waiting.delete(waiting);
      waiting.resolve();
    }
  }

  #entriesOf(slice: Slice, source: S): readonly Entry<EventIn<S>>[] {
    const { topic } = source;
    // Sound, here and below: a source decodes to its own event type.
    if (this.#shared) return this.#shared.entries(slice, source) as readonly Entry<EventIn<S>>[];
    const entries: Entry<EventIn<S>>[] = [];
    for (const record of slice.records) {
      try {
        const event = source.decode(record.value, record) as EventIn<S>;
        entries.push({ position: { topic, partition: record.partition, offset: record.offset }, event });
      } catch (error) {
        if (!this.options.onUndecodable) throw error;
        this.options.onUndecodable(record, error);
      }
    }
    return entries;
  }

  #covers(offsets: NextOffsets): boolean {
    return [...offsets].every(([topic, wanted]) =>
      wanted.every((offset, partition) => (this.#next.get(topic)?.[partition] ?? -1n) >= offset),
    );
  }
}

/** Lets so many work at once; the others wait in the order in which they came. */
class Turns {
  readonly #waiting: (() => void)[] = [];

  constructor(private free: number) {}

  async take(work: () => Promise<void>): Promise<void> {
    if (this.free > 0) this.free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.free++;
    }
  }
}
