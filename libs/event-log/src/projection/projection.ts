import type { Position } from '#contracts';
import type { Entry, EventIn, RecordSource } from '../tail/record-source.js';

/** Runs one statement in the transaction of the batch; gives its rows. */
export type Query = <Row = unknown>(sql: string, parameters?: readonly unknown[]) => Promise<Row[]>;

/**
 * Tables derived from the log. `apply` maps events to statements on unqualified table names: the runner chooses the
 * schema, so that a rebuild writes beside the live tables. It sees every event once in each generation, in order
 * within a partition.
 */
export interface ProjectionDefinition<S extends RecordSource<unknown> = RecordSource<unknown>> {
  readonly name: string;
  /** Raised when the mapping or the tables change in a way that needs a rebuild. */
  readonly version: number;
  readonly tables: readonly string[];
  readonly sources: readonly S[];
  apply(events: readonly Entry<EventIn<S>>[], query: Query): Promise<void>;
}

export function defineProjection<const S extends RecordSource<unknown>>(
  definition: ProjectionDefinition<S>,
): ProjectionDefinition<S> {
  return definition;
}

/** Where projections are kept: one transaction on Postgres. Throws while it is away. */
export interface ProjectionStore {
  /** Resolves when the tables are there. */
  ready(): Promise<void>;
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T>;
}

/** What a reader of a projection may ask. */
export interface ProjectionPort {
  readonly name: string;
  /** Resolves to true when everything up to and with these positions is applied here; false when that takes longer. */
  reached(positions: readonly Position[], timeoutMs: number): Promise<boolean>;
}

/** The schema that live tables stand in. */
export const LIVE_SCHEMA = 'projection';
