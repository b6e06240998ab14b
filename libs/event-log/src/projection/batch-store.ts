import type { Position } from '#contracts';
import { Backoff } from '../kafka/backoff.js';
import type { LogSettings } from '../kafka/log-connection.js';
import type { Entry, EventIn, RecordSource } from '../tail/record-source.js';
import { CheckpointLost, lockCheckpoints, moveCheckpoints } from './checkpoints.js';
import { LIVE_SCHEMA, type ProjectionDefinition, type ProjectionStore } from './projection.js';

/** So often one after the other another instance must have stored most of what came, before it counts as the one that stores. */
const SURELY = 3;

/** Entries stored in one transaction; what one partition gave at once is never split. */
const MOST_ENTRIES = 5_000;

/** What one partition gave, to be stored with its checkpoint. */
interface Batch<Event> {
  readonly entries: readonly Entry<Event>[];
  /** Where the reader stood before it. */
  readonly begin: bigint;
  readonly next: Position;
  readonly stored: PromiseWithResolvers<void>;
}

/**
 * Stores the batches of a projection's partitions. While one transaction is under way, what other partitions give
 * gathers, and goes into the next one together: under load a transaction costs the same and holds more. A batch that
 * cannot be stored holds back its own partition and no other.
 */
export class BatchStore<S extends RecordSource<unknown>> {
  #gathered: Batch<EventIn<S>>[] = [];
  #storing = false;
  /** How often in a row, since this instance last stored most of what came. */
  #foundStored = 0;

  constructor(
    private readonly settings: LogSettings,
    private readonly definition: ProjectionDefinition<S>,
    private readonly store: ProjectionStore,
    private readonly stop: AbortSignal,
  ) {}

  /** Whether another instance has lately stored what came here. */
  get others(): boolean {
    return this.#foundStored >= SURELY;
  }

  /**
   * Resolves when the batch is stored, by this instance or another, or when the store has stopped. While Postgres is
   * away it is tried again and again.
   *
   * @param begin the offset that the partition's reader stood at before the batch
   * @throws CheckpointLost when storing it would leave a gap
   */
  async keep(entries: readonly Entry<EventIn<S>>[], begin: bigint, next: Position): Promise<void> {
    const stored = Promise.withResolvers<void>();
    this.#gathered.push({ entries, begin, next, stored });
    if (!this.#storing) {
      this.#storing = true;
      // What one fetch brought of several partitions is handed over in this turn, and goes together.
      queueMicrotask(() => void this.#storeGathered());
    }
    await stored.promise;
  }

  async #storeGathered(): Promise<void> {
    while (this.#gathered.length > 0) {
      const together = this.#take();
      try {
        await this.#store(together);
        for (const { stored } of together) stored.resolve();
      } catch (error) {
        this.settings.sink.debug(
          { err: error, projection: this.definition.name },
          'batches are stored one by one, so that one of them holds back no other',
        );
        for (const batch of together) this.#untilStored(batch).then(batch.stored.resolve, batch.stored.reject);
      }
    }
    this.#storing = false;
  }

  #take(): Batch<EventIn<S>>[] {
    let entries = 0;
    const tooMany = this.#gathered.findIndex((batch, index) => {
      entries += batch.entries.length;
      return index > 0 && entries > MOST_ENTRIES;
    });
    return this.#gathered.splice(0, tooMany === -1 ? this.#gathered.length : tooMany);
  }

  async #store(batches: readonly Batch<EventIn<S>>[]): Promise<void> {
    await this.store.transaction(async (query, copy) => {
      const from = await lockCheckpoints(query, LIVE_SCHEMA, this.definition, batches);
      const fresh = batches.flatMap(({ entries }, index) =>
        entries.filter(({ position }) => position.offset >= (from[index] ?? 0n)),
      );
      this.#noteStored(batches, fresh.length);
      const ahead = batches.filter(({ next }, index) => (from[index] ?? next.offset) < next.offset);
      if (ahead.length === 0) return;
      if (fresh.length > 0) await this.definition.apply(fresh, query, copy);
      await moveCheckpoints(
        query,
        LIVE_SCHEMA,
        this.definition.name,
        ahead.map(({ next }) => next),
      );
    });
  }

  #noteStored(batches: readonly Batch<EventIn<S>>[], fresh: number): void {
    const all = batches.reduce((sum, { entries }) => sum + entries.length, 0);
    if (all > 0) this.#foundStored = 2 * fresh < all ? this.#foundStored + 1 : 0;
  }

  /** A database that is away comes back; a mapping that is wrong shows in the log again and again, and in readiness. */
  async #untilStored(batch: Batch<EventIn<S>>): Promise<void> {
    const backoff = new Backoff(50, 2_000);
    while (!this.stop.aborted) {
      try {
        await this.#store([batch]);
        return;
      } catch (error) {
        if (error instanceof CheckpointLost) throw error;
        this.settings.sink.warn(
          { err: error, projection: this.definition.name },
          'a batch was not stored, trying again',
        );
        await backoff.wait(this.stop);
      }
    }
  }
}
