import {
  beginRebuild,
  findRebuild,
  lastRebuilds,
  LogEnds,
  readCheckpoints,
  RebuildRuns,
  type LogSettings,
  type NextOffsets,
  type ProjectionDefinition,
  type ProjectionStore,
  type RebuildRecord,
  type RecordSource,
} from '#event-log';
import type { Database } from '../database/database.js';
import type { Log } from '../logging/log.js';
import { conflict, notFound, unavailable } from '../problem/problem-exception.js';
import { projectionStore } from './projection-store.js';

/** A projection as operators see it. */
export interface ProjectionState {
  readonly name: string;
  readonly version: number;
  readonly tables: readonly string[];
  /** Offsets of the log that its rows do not hold yet. */
  readonly behind: number;
  readonly rebuild?: RebuildState;
}

/** A rebuild as operators see it. */
export interface RebuildState {
  readonly id: string;
  readonly projection: string;
  readonly version: number;
  readonly status: RebuildRecord['status'];
  readonly stage: RebuildRecord['stage'];
  readonly startedAt: string;
  readonly endedAt?: string;
  readonly events: number;
  readonly eventsPerSecond: number;
  readonly offsets: { readonly done: number; readonly of: number };
  readonly detail?: string;
}

/** What operators do with the projections of a context: look at them, and have them rebuilt by this instance. */
export class ProjectionRebuilds {
  private readonly store: ProjectionStore;
  private readonly ends: LogEnds;
  private readonly stopping = new AbortController();
  private readonly running = new Set<Promise<void>>();

  constructor(
    private readonly settings: LogSettings,
    private readonly definitions: readonly ProjectionDefinition[],
    private readonly database: Database,
    private readonly log: Log,
  ) {
    this.store = projectionStore(database);
    this.ends = new LogEnds(settings);
  }

  async list(): Promise<readonly ProjectionState[]> {
    const names = this.definitions.map(({ name }) => name);
    const { rebuilds, checkpoints } = await this.store.transaction(async (query) => {
      const found: NextOffsets[] = [];
      for (const name of names) found.push(await readCheckpoints(query, 'projection', name));
      return { rebuilds: await lastRebuilds(query, names), checkpoints: found };
    });
    return await Promise.all(
      this.definitions.map(async ({ name, version, tables, sources }, index) => {
        const rebuild = rebuilds.get(name);
        const behind = lag(checkpoints[index] ?? new Map(), await this.endsOf(sources));
        return { name, version, tables, behind, ...(rebuild === undefined ? {} : { rebuild: stateOf(rebuild) }) };
      }),
    );
  }

  /** @throws ProblemException 404 for a projection that is not the context's, 409 while it is being rebuilt already */
  async begin(name: string): Promise<RebuildState> {
    const definition = this.definitions.find((each) => each.name === name);
    if (definition === undefined) throw notFound();
    await this.store.transaction((query) => query('SELECT 1')); // 503 at once, and in our own words, while Postgres is away
    try {
      const { id, finished } = await beginRebuild(this.settings, definition, this.store, this.stopping.signal);
      const ended = finished
        .catch((error: unknown) => this.log.error(`${name} was not rebuilt`, error))
        .finally(() => this.running.delete(ended));
      this.running.add(ended);
      return await this.find(name, id);
    } catch (error) {
      if (error instanceof RebuildRuns) throw conflict(`${error.message}.`, 'rebuild-runs');
      throw error;
    }
  }

  /** @throws ProblemException 404 */
  async find(name: string, id: string): Promise<RebuildState> {
    const known = this.definitions.some((each) => each.name === name);
    const found = known ? await this.store.transaction((query) => findRebuild(query, id)) : undefined;
    if (found?.projection !== name) throw notFound();
    return stateOf(found);
  }

  async close(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.running);
    await this.ends.close();
  }

  private async endsOf(sources: readonly RecordSource<unknown>[]): Promise<NextOffsets> {
    try {
      return await this.ends.endsOf(sources);
    } catch (error) {
      throw unavailable('The log cannot be asked how far it is.', 2, error);
    }
  }
}

function lag(at: NextOffsets, ends: NextOffsets): number {
  return [...ends].reduce(
    (sum, [topic, offsets]) =>
      offsets.reduce(
        (each, end, partition) => each + Math.max(0, Number(end - (at.get(topic)?.[partition] ?? 0n))),
        sum,
      ),
    0,
  );
}

function stateOf(record: RebuildRecord): RebuildState {
  const { id, projection, version, status, stage, startedAt, endedAt, events, offsetsDone, offsetsOf, detail } = record;
  return {
    id,
    projection,
    version,
    status,
    stage,
    startedAt: startedAt.toISOString(),
    ...(endedAt === undefined ? {} : { endedAt: endedAt.toISOString() }),
    events,
    eventsPerSecond: record.replayMs === 0 ? 0 : Math.round((events * 1_000) / record.replayMs),
    offsets: { done: offsetsDone, of: offsetsOf },
    ...(detail === undefined ? {} : { detail }),
  };
}
