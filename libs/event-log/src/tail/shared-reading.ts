import type { LogSettings } from '../kafka/log-connection.js';
import { PartitionReader } from '../kafka/partition-reader.js';
import type { Slice } from '../kafka/visible-records.js';
import type { Entry, RecordSource } from './record-source.js';

/** Reads partitions from given offsets on: a reader of one's own, or a share of another's. */
export interface SliceReader {
  assign(topic: string, partition: number, offset: bigint): void;
  /** Ends the rest between two fetches. */
  hurry(): void;
  /** Stops, and resolves when the handlers under way have ended. */
  close(): Promise<void>;
}

/** What is done with what is read; as `ReaderOptions` have it. */
interface SliceHandlers {
  readonly onSlice: (slice: Slice) => Promise<void> | void;
  readonly onFailure: (error: unknown) => void;
}

/**
 * Tails of a process that read the same partitions from the same place, as all its projections do after Postgres was lost: each
 * record is fetched once for all of them, and decoded once for those that decode it alike.
 */
export class SharedReadings {
  #gathering: SharedReading | undefined;

  /**
   * A place among those that are about to begin; the reading waits until each of them has joined or left. Who comes later
   * waits for nobody and is waited for by those that come with it.
   */
  announce(): ReadingPlace {
    this.#gathering ??= new SharedReading(() => (this.#gathering = undefined));
    return this.#gathering.announce();
  }
}

/** Who may read along once. */
export class ReadingPlace {
  #reading: SharedReading | undefined;

  constructor(reading: SharedReading) {
    this.#reading = reading;
  }

  /**
   * Takes the place. What is assigned to the reader in one turn is all that it gets.
   *
   * @returns undefined when the place was taken or left: then there is nobody to read along with
   */
  join(settings: LogSettings, handlers: SliceHandlers): SharedReader | undefined {
    const reading = this.#reading;
    this.#reading = undefined;
    return reading && new SharedReader(reading, settings, handlers);
  }

  /** Nobody waits for it any longer. A place that was taken is not left by it: its reader is closed. */
  leave(): void {
    this.#reading?.leave();
    this.#reading = undefined;
  }
}

/** One reading: of every partition that somebody follows, from the first offset that any of them wants. */
class SharedReading {
  /** How many were announced that have neither joined nor left. */
  #awaited = 0;
  readonly #followers = new Set<SharedReader>();
  readonly #decoded = new WeakMap<Slice, Map<unknown, readonly Entry<unknown>[]>>();
  #reader: PartitionReader | undefined;

  constructor(private readonly onBegin: () => void) {}

  announce(): ReadingPlace {
    this.#awaited++;
    return new ReadingPlace(this);
  }

  leave(): void {
    this.#awaited--;
    this.#beginWhenComplete();
  }

  follow(follower: SharedReader): void {
    this.#followers.add(follower);
    this.leave();
  }

  hurry(): void {
    this.#reader?.hurry();
  }

  /** The others go on; what nobody follows any longer is not read. */
  async unfollow(follower: SharedReader): Promise<void> {
    this.#followers.delete(follower);
    if (this.#followers.size === 0) {
      await this.#reader?.close();
      return;
    }
    for (const [partition, { topic, number }] of follower.partitions) {
      if (![...this.#followers].some(({ partitions }) => partitions.has(partition)))
        this.#reader?.unassign(topic, number);
    }
  }

  /** The records of a slice by one way of decoding: whoever decodes so shares them. */
  entries<E>(slice: Slice, { topic, decode }: RecordSource<E>): readonly Entry<E>[] {
    const ways = this.#decoded.get(slice) ?? new Map<unknown, readonly Entry<unknown>[]>();
    this.#decoded.set(slice, ways);
    const known = ways.get(decode);
    // Sound: it was decoded by the same function.
    if (known) return known as readonly Entry<E>[];
    const found = slice.records.map((record) => ({
      position: { topic, partition: record.partition, offset: record.offset },
      event: decode(record.value, record),
    }));
    ways.set(decode, found);
    return found;
  }

  #beginWhenComplete(): void {
    if (this.#awaited > 0 || this.#reader) return;
    this.onBegin();
    const [first] = this.#followers;
    if (!first) return;
    this.#reader = new PartitionReader(first.settings, {
      onSlice: async (slice) => {
        await Promise.all([...this.#followers].map((follower) => follower.take(slice)));
      },
      onFailure: (error) => {
        for (const follower of this.#followers) follower.fail(error);
      },
    });
    const begins = new Map<string, FollowedPartition>();
    for (const { partitions } of this.#followers)
      for (const [partition, followed] of partitions) {
        const known = begins.get(partition);
        if (!known || followed.from < known.from) begins.set(partition, followed);
      }
    for (const { topic, number, from } of begins.values()) this.#reader.assign(topic, number, from);
  }
}

interface FollowedPartition {
  readonly topic: string;
  readonly number: number;
  readonly from: bigint;
}

/** A share of a reading. */
export class SharedReader implements SliceReader {
  readonly partitions = new Map<string, FollowedPartition>();
  readonly #taking = new Set<Promise<void>>();
  #joined = false;
  #closed = false;

  constructor(
    private readonly reading: SharedReading,
    readonly settings: LogSettings,
    private readonly handlers: SliceHandlers,
  ) {}

  assign(topic: string, number: number, from: bigint): void {
    this.partitions.set(`${topic}:${String(number)}`, { topic, number, from });
    if (this.#joined) return;
    this.#joined = true;
    // What is assigned in this turn is known by then.
    void Promise.resolve().then(() => (this.#closed ? this.reading.leave() : this.reading.follow(this)));
  }

  hurry(): void {
    this.reading.hurry();
  }

  entries<E>(slice: Slice, source: RecordSource<E>): readonly Entry<E>[] {
    return this.reading.entries(slice, source);
  }

  async close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      if (this.#joined) await this.reading.unfollow(this);
      else this.reading.leave();
    }
    await Promise.all(this.#taking);
  }

  /** A follower that fails ends alone. */
  async take(slice: Slice): Promise<void> {
    const followed = this.partitions.get(`${slice.topic}:${String(slice.partition)}`);
    if (this.#closed || !followed || slice.nextOffset <= followed.from) return;
    const handling = this.#handle(from(slice, followed.from));
    this.#taking.add(handling);
    await handling;
    this.#taking.delete(handling);
  }

  fail(error: unknown): void {
    if (this.#closed) return;
    void this.close();
    this.handlers.onFailure(error);
  }

  async #handle(slice: Slice): Promise<void> {
    try {
      await this.handlers.onSlice(slice);
    } catch (error) {
      this.fail(error);
    }
  }
}

/** What stands in a slice at an offset and after it. */
function from(slice: Slice, offset: bigint): Slice {
  const [first] = slice.records;
  if (!first || first.offset >= offset) return slice;
  return { ...slice, records: slice.records.filter((record) => record.offset >= offset) };
}
