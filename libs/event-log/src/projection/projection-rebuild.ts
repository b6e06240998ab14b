import { mintId, type Position } from '#contracts';
import type { LogSettings } from '../kafka/log-connection.js';
import { distance, LogTail, type NextOffsets } from '../tail/log-tail.js';
import type { Entry, EventIn, RecordSource } from '../tail/record-source.js';
import type { ReadingPlace } from '../tail/shared-reading.js';
import { moveCheckpoints, readCheckpoints } from './checkpoints.js';
import { LIVE_SCHEMA, type ApartStore, type ProjectionDefinition, type ProjectionStore } from './projection.js';
import { lockRebuild, noteEnd, noteProgress, noteStart, unlockRebuild, type RebuildProgress } from './rebuild-book.js';
import { ShadowTables } from './shadow-tables.js';

const NOTE_EVERY_MS = 500;
/** How long the live projection may stand still while the rebuilt one catches up with it for the swap. */
const CATCH_UP_MS = 5_000;
const SWAP_TRIES = 60;
/** One is stored while the next is decoded; more would only wait for each other and for connections. */
const BATCHES_AT_ONCE = 2;

/** A rebuild that was begun. */
export interface BegunRebuild {
  readonly id: string;
  /** Resolves when the rebuilt tables are the live ones; rejects when they are not and will not be. */
  readonly finished: Promise<void>;
}

/** Another rebuild of the projection runs, here or at another instance. */
export class RebuildRuns extends Error {
  override readonly name = 'RebuildRuns';
}

/**
 * Begins to fill a projection's tables anew beside the live ones: from the first record of the log, into a schema of
 * their own, with checkpoints of their own. When they are as far as the live ones they take their place, in one
 * transaction that holds the live checkpoints. A rebuild that ends before that, however it ends, changes nothing.
 *
 * Exactly one runs at a time for a projection among all instances: an advisory lock of Postgres on a connection that the
 * rebuild keeps, and on which the swap itself is done.
 *
 * @param signal ends it without a swap
 * @param along with whom it reads what stands in the log when it begins
 * @throws RebuildRuns when one runs already
 */
export async function beginRebuild<S extends RecordSource<unknown>>(
  settings: LogSettings,
  definition: ProjectionDefinition<S>,
  store: ProjectionStore,
  signal: AbortSignal,
  along?: ReadingPlace,
): Promise<BegunRebuild> {
  const apart = await store.apart();
  try {
    if (!(await lockRebuild(apart.session, definition.name)))
      throw new RebuildRuns(`${definition.name} is being rebuilt already`);
    const id = mintId(0);
    await noteStart(apart.session, id, definition.name, definition.version);
    return { id, finished: new ProjectionRebuild(settings, definition, apart, id, along).run(signal) };
  } catch (error) {
    await apart.close();
    throw error;
  }
}

class ProjectionRebuild<S extends RecordSource<unknown>> {
  readonly #inFlight = new Set<Promise<void>>();
  readonly #failed = Promise.withResolvers<never>();
  #tail: LogTail<S> | undefined;
  /** While it stands, no batch begins: the shadow tables are about to become the live ones. */
  #gate: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;
  #swapping: Promise<boolean> | undefined;
  #over = false;
  #progress: RebuildProgress = { stage: 'replaying', events: 0, offsetsDone: 0, offsetsOf: 0, replayMs: 0 };
  #starts: NextOffsets = new Map();
  #begun = 0;

  constructor(
    private readonly settings: LogSettings,
    private readonly definition: ProjectionDefinition<S>,
    private readonly apart: ApartStore,
    private readonly id: string,
    private readonly along: ReadingPlace | undefined,
  ) {
    // Whoever waits for something else must not be surprised by it later.
    this.#failed.promise.catch(() => undefined);
  }

  async run(signal: AbortSignal): Promise<void> {
    const stop = (): void => this.#failed.reject(new Error('the process is stopping'));
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    const noting = setInterval(() => void this.#note(), NOTE_EVERY_MS);
    try {
      await Promise.race([this.#rebuild(), this.#failed.promise]);
    } catch (error) {
      // A swap that is under way on the session ends first, one way or the other.
      if ((await this.#swapping?.catch(() => false)) === true) return;
      this.settings.sink.error({ err: error, projection: this.definition.name }, 'a rebuild ended without a swap');
      this.#letGo();
      await this.#giveUp(signal.aborted ? 'interrupted' : 'failed', error);
      throw error;
    } finally {
      clearInterval(noting);
      signal.removeEventListener('abort', stop);
      this.#letGo();
      await this.#tail?.close();
      await this.apart.close();
    }
  }

  async #rebuild(): Promise<void> {
    const { apart, definition } = this;
    const shadow = await apart.transaction((query) => ShadowTables.create(query, definition, this.id));
    const tail = new LogTail<S>(this.settings, {
      sources: definition.sources,
      from: async (ends) => {
        const begins = await ends.startsOf(definition.sources);
        await apart.transaction((query) => shadow.openCheckpoints(query, definition, begins));
        this.#progress = { ...this.#progress, offsetsOf: distance(begins, await ends.endsOf(definition.sources)) };
        this.#begun = performance.now();
        return (this.#starts = begins);
      },
      onBatch: (entries, next) => this.#applyOpen(shadow, entries, next),
      along: this.along,
      batchesAtOnce: BATCHES_AT_ONCE,
      onFailure: (error) => this.#failed.reject(error),
    });
    this.#tail = tail;
    await tail.start();
    this.#count();
    await this.#enter('indexing');
    await shadow.finish(apart);
    await tail.caughtUp();
    await this.#enter('swapping');
    for (let tried = 1; !(await (this.#swapping = this.#swap(shadow, tail))); tried++) {
      if (tried === SWAP_TRIES) throw new Error('no moment was found to swap: the live tables are never free');
    }
    this.settings.sink.info({ projection: definition.name, version: definition.version }, 'rebuilt');
  }

  async #applyOpen(shadow: ShadowTables, entries: readonly Entry<EventIn<S>>[], next: Position): Promise<void> {
    // Nothing may come between the look at the gate and the batch's place among those in flight.
    while (this.#gate) await this.#gate.promise;
    if (this.#over) return;
    const applying = this.#apply(shadow, entries, next);
    this.#inFlight.add(applying);
    await applying.finally(() => this.#inFlight.delete(applying));
    this.#progress = { ...this.#progress, events: this.#progress.events + entries.length };
  }

  async #apply(shadow: ShadowTables, entries: readonly Entry<EventIn<S>>[], next: Position): Promise<void> {
    await this.apart.transaction(async (query, copy) => {
      // The next rebuild would begin anew anyway; the swap commits for good, and all before it with it.
      await query('SET LOCAL synchronous_commit = off');
      await query(`SET LOCAL search_path TO ${shadow.schema}`);
      if (entries.length > 0) await this.definition.apply(entries, query, copy);
      await moveCheckpoints(query, shadow.schema, this.definition.name, [next]);
    });
  }

  /**
   * Holds the live checkpoints, so that the live projection stands still; waits until the shadow is as far; puts it in
   * place.
   *
   * @returns false when readers did not let go of the tables, or it could not catch up in time: nothing has changed
   */
  async #swap(shadow: ShadowTables, tail: LogTail<S>): Promise<boolean> {
    const { session } = this.apart;
    const { definition } = this;
    await session('BEGIN');
    try {
      const live = await readCheckpoints(session, LIVE_SCHEMA, definition.name, 'FOR UPDATE');
      const followed = new Map([...live].filter(([topic]) => definition.sources.some((each) => each.topic === topic)));
      if (!(await tail.until(followed, AbortSignal.timeout(CATCH_UP_MS)))) {
        await session('ROLLBACK');
        return false;
      }
      await this.#pause();
      await shadow.takeOver(session, definition);
      await noteProgress(session, this.id, this.#progress);
      await noteEnd(session, this.id, 'succeeded');
      await session('COMMIT');
      // Not before: one that says it runs, and whose lock is free, counts as interrupted. Nor much later: the next may begin.
      await unlockRebuild(session, definition.name).catch((error: unknown) =>
        this.settings.sink.debug(
          { err: error, projection: definition.name },
          'the session is gone, and its lock with it',
        ),
      );
      return true;
    } catch (error) {
      await session('ROLLBACK');
      if (!isLockTimeout(error)) throw error;
      this.settings.sink.debug({ projection: definition.name }, 'readers hold the tables; the swap tries again');
      this.#open();
      return false;
    }
  }

  async #pause(): Promise<void> {
    this.#gate ??= Promise.withResolvers<void>();
    await Promise.all(this.#inFlight);
  }

  /** A batch that waits at the gate is dropped: whoever closes the tail waits for it. */
  #letGo(): void {
    this.#over = true;
    this.#open();
  }

  #open(): void {
    this.#gate?.resolve();
    this.#gate = undefined;
  }

  async #enter(stage: RebuildProgress['stage']): Promise<void> {
    this.#progress = { ...this.#progress, stage };
    await this.#note();
  }

  #count(): void {
    const { offsetsOf, stage } = this.#progress;
    if (stage !== 'replaying' || this.#begun === 0 || !this.#tail) return;
    const offsetsDone = Math.min(offsetsOf, distance(this.#starts, this.#tail.applied()));
    this.#progress = { ...this.#progress, offsetsDone, replayMs: performance.now() - this.#begun };
  }

  async #note(): Promise<void> {
    this.#count();
    try {
      await this.apart.transaction((query) => noteProgress(query, this.id, this.#progress));
    } catch (error) {
      this.settings.sink.debug({ err: error, projection: this.definition.name }, 'progress was not noted');
    }
  }

  /** Leaves nothing behind, if Postgres can be asked; else the next rebuild clears up, and the lock says it is over. */
  async #giveUp(status: 'failed' | 'interrupted', error: unknown): Promise<void> {
    const detail = error instanceof Error ? error.message : String(error);
    try {
      await this.#tail?.close();
      await Promise.allSettled(this.#inFlight);
      await ShadowTables.dropAll(this.apart.session, this.definition);
      await noteEnd(this.apart.session, this.id, status, detail);
    } catch (found) {
      this.settings.sink.debug({ err: found, projection: this.definition.name }, 'a rebuild left its tables behind');
    }
  }
}

/** Postgres's `lock_not_available`. */
function isLockTimeout(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === '55P03';
}
