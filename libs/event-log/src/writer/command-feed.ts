import type { LogSettings } from '../kafka/log-connection.js';
import { PartitionReader } from '../kafka/partition-reader.js';
import type { Slice } from '../kafka/visible-records.js';

interface Follower {
  readonly onSlice: (slice: Slice) => Promise<void>;
  readonly fail: (error: unknown) => void;
}

/** The commands of a context for all its partition writers on this instance, on one connection. */
export class CommandFeed {
  readonly #reader: PartitionReader;
  readonly #followers = new Map<number, Follower>();

  /** @param name of what decides them, for the meter */
  constructor(
    settings: LogSettings,
    name: string,
    private readonly topic: string,
    onFailure: (error: unknown) => void,
  ) {
    this.#reader = new PartitionReader(settings, {
      name,
      isolation: 'uncommitted',
      onSlice: (slice) => this.#hand(slice),
      onFailure,
    });
  }

  /**
   * Hands a partition's commands to `onSlice` from an offset on, until `signal` aborts.
   *
   * @throws what `onSlice` threw, after which the partition is not followed any more
   */
  async follow(partition: number, from: bigint, onSlice: Follower['onSlice'], signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (signal.aborted) return;
    const stop = (): void => resolve();
    const follower: Follower = { onSlice, fail: reject };
    signal.addEventListener('abort', stop, { once: true });
    this.#followers.set(partition, follower);
    this.#reader.assign(this.topic, partition, from);
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', stop);
      if (this.#followers.get(partition) === follower) {
        this.#followers.delete(partition);
        await this.#reader.remove(this.topic, partition);
      }
    }
  }

  async close(): Promise<void> {
    await this.#reader.close();
  }

  async #hand(slice: Slice): Promise<void> {
    const follower = this.#followers.get(slice.partition);
    try {
      await follower?.onSlice(slice);
    } catch (error) {
      if (this.#followers.get(slice.partition) === follower) this.#reader.unassign(this.topic, slice.partition);
      follower?.fail(error);
    }
  }
}
