import type { Position } from '#contracts';
import { Backoff } from '../kafka/backoff.js';
import type { LogSettings } from '../kafka/log-connection.js';
import { distance, LogEnds, LogTail } from '../tail/log-tail.js';
import type { RecordSource } from '../tail/record-source.js';
import type { ReadingPlace, SharedReadings } from '../tail/shared-reading.js';
import { BatchStore } from './batch-store.js';
import { openCheckpoints, storedVersion, Superseded } from './checkpoints.js';
import { beginRebuild } from './projection-rebuild.js';
import { lastRebuilds } from './rebuild-book.js';
import {
  LIVE_SCHEMA,
  REST_MS,
  type ProjectionDefinition,
  type ProjectionPort,
  type ProjectionStore,
} from './projection.js';

/** A log that is longer is not read into live tables that are empty: a rebuild makes their indexes afterwards, each at once. */
const LONG_LOG = 20_000;

/** As long as another instance stores what this one reads: it goes on where that one stops, this much later. */
const FOLLOWING_REST_MS = 1_000;

/**
 * Keeps a projection up to date. Rows and checkpoint move in one transaction; the checkpoint's row is locked and
 * whatever stands before it is dropped, so that several instances may run the same projection: one of them stores, and the others
 * find it done and look more seldom, unless somebody waits there. While Postgres is away
 * the batch waits and is tried again. Rows of an older version are rebuilt at the start, beside those that are read
 * meanwhile, and so are rows that are not there while the log is long; to rows of a newer version it writes nothing.
 */
export class ProjectionRunner<S extends RecordSource<unknown>> implements ProjectionPort {
  readonly name: string;
  readonly #tail: LogTail<S>;
  readonly #stopping = new AbortController();
  readonly #batches: BatchStore<S>;

  constructor(
    private readonly settings: LogSettings,
    private readonly definition: ProjectionDefinition<S>,
    private readonly store: ProjectionStore,
    onFailure: (error: unknown) => void,
    /** Of the process: projections that are rebuilt at the start read the log together. */
    private readonly readings: SharedReadings,
    /** From how many offsets on a log is long. */
    private readonly longLog = LONG_LOG,
  ) {
    this.name = definition.name;
    this.#batches = new BatchStore(settings, definition, store, this.#stopping.signal);
    this.#tail = new LogTail<S>(settings, {
      name: definition.name,
      sources: definition.sources,
      from: async (ends) => {
        const starts = await ends.startsOf(definition.sources);
        return await store.transaction((query) => openCheckpoints(query, LIVE_SCHEMA, definition, starts));
      },
      onBatch: (entries, next) =>
        this.#batches.keep(entries, this.#tail.nextOf(next.topic, next.partition) ?? 0n, next),
      restMs: () => (this.#batches.others ? FOLLOWING_REST_MS : (definition.restMs ?? REST_MS)),
      onFailure,
    });
  }

  /** Resolves when the projection holds everything that stood in the log at the start. Waits for Postgres and brokers. */
  async start(): Promise<void> {
    const along = this.readings.announce();
    try {
      await this.store.ready();
      await this.#untilStored(() => this.#bringToVersion(along));
    } finally {
      along.leave();
    }
    await this.#tail.start();
  }

  async reached(positions: readonly Position[], timeoutMs: number): Promise<boolean> {
    const behind = positions.filter(
      ({ topic, partition, offset }) =>
        this.definition.sources.some((source) => source.topic === topic && partition < source.partitions) &&
        (this.#tail.nextOf(topic, partition) ?? 0n) <= offset,
    );
    if (behind.length === 0) return true;
    const until = new Map<string, bigint[]>();
    for (const { topic, partition, offset } of behind) {
      const offsets = until.get(topic) ?? [];
      for (let at = offsets.length; at <= partition; at++) offsets.push(0n);
      const wanted = offset + 1n;
      if (wanted > (offsets[partition] ?? 0n)) offsets[partition] = wanted;
      until.set(topic, offsets);
    }
    return await this.#tail.until(until, AbortSignal.timeout(Math.max(0, Math.ceil(timeoutMs))));
  }

  /** How many wait in {@link reached}. */
  get waiting(): number {
    return this.#tail.waiting;
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#tail.close();
  }

  /** Rebuilds rows of an older version, or those of a long log that are not there, or waits while another instance does. */
  async #bringToVersion(along: ReadingPlace): Promise<void> {
    try {
      if (!(await this.#needsRebuild())) return;
      const begun = await beginRebuild(this.settings, this.definition, this.store, this.#stopping.signal, along);
      await begun.finished;
    } finally {
      // It is tried again where Postgres or another instance stood in the way: nobody should wait for that.
      along.leave();
    }
  }

  async #needsRebuild(): Promise<boolean> {
    const { tables, version } = this.definition;
    const stored = await this.store.transaction((query) => storedVersion(query, this.name));
    if (stored === version) return false;
    if (stored !== undefined && stored > version) throw new Superseded(this.definition, stored);
    return stored !== undefined || (tables.length > 0 && (await this.#isLogLong()) && !(await this.#wasInVain()));
  }

  /**
   * Whether a rebuild ended without its tables. Another would begin anew, and where a process is given less time than it takes,
   * that would go on for ever; what is read into the live tables stays.
   */
  async #wasInVain(): Promise<boolean> {
    const { name, version } = this.definition;
    const last = (await this.store.transaction((query) => lastRebuilds(query, [name]))).get(name);
    return last?.version === version && (last.status === 'failed' || last.status === 'interrupted');
  }

  async #isLogLong(): Promise<boolean> {
    const { sources } = this.definition;
    const ends = new LogEnds(this.settings);
    try {
      return distance(await ends.startsOf(sources), await ends.endsOf(sources)) >= this.longLog;
    } finally {
      await ends.close();
    }
  }

  /** A database that is away comes back, so do brokers, and so does what another instance rebuilds. */
  async #untilStored(work: () => Promise<unknown>): Promise<void> {
    const backoff = new Backoff(50, 2_000);
    while (!this.#stopping.signal.aborted) {
      try {
        await work();
        return;
      } catch (error) {
        this.settings.sink.warn({ err: error, projection: this.name }, 'the projection cannot be looked at yet');
        await backoff.wait(this.#stopping.signal);
      }
    }
  }
}
