import type { Position } from '#contracts';
import type { Entry, EventIn, RecordSource } from '../tail/record-source.js';

/** Runs one statement in the transaction of the batch; gives its rows. */
export type Query = <Row = unknown>(sql: string, parameters?: readonly unknown[]) => Promise<Row[]>;

/** A value of a row: an object becomes `jsonb`, an array `text[]`. */
export type CopyValue = string | number | null | undefined | readonly string[] | object;

/**
 * Adds rows to a table in the transaction of the batch, as Postgres's COPY does, for half of what an INSERT costs; worth its
 * two round trips more from some {@link COPY_FROM} rows on.
 *
 * @returns false, with none of the rows added, when one of them is there already; the transaction goes on
 */
export type CopyRows = (
  table: string,
  columns: readonly string[],
  rows: readonly Readonly<Record<string, CopyValue>>[],
) => Promise<boolean>;

/** From so many rows on {@link CopyRows} is worth it: rebuilds have them, live batches seldom. */
export const COPY_FROM = 200;

/** How a batch is stored: `query` and `copy` are in its transaction. */
export type Work<T> = (query: Query, copy: CopyRows) => Promise<T>;

/**
 * Tables derived from the log. `apply` maps events to statements on unqualified table names: the runner chooses the
 * schema, so that a rebuild writes beside the live tables. It sees every event once in each generation, in order
 * within a partition and in no order between partitions: what two partitions say of one row must not depend on it.
 */
export interface ProjectionDefinition<S extends RecordSource<unknown> = RecordSource<unknown>> {
  /** Begins with the context that serves it, for example `audit-records`. */
  readonly name: string;
  /** Raised when the mapping or the tables change in a way that needs a rebuild: it then rebuilds itself at the start. */
  readonly version: number;
  /** All tables that it writes, in the live schema; no other projection writes them, and no foreign key leaves them. */
  readonly tables: readonly string[];
  readonly sources: readonly S[];
  /**
   * How much later than the log its rows may be where nobody waits for a position, in milliseconds; {@link REST_MS} unless it is
   * said. What comes meanwhile is one fetch and one transaction.
   */
  readonly restMs?: number;
  apply(events: readonly Entry<EventIn<S>>[], query: Query, copy: CopyRows): Promise<void>;
}

/** Of projections that people look at. */
export const REST_MS = 100;

export function defineProjection<const S extends RecordSource<unknown>>(
  definition: ProjectionDefinition<S>,
): ProjectionDefinition<S> {
  return definition;
}

/** Where projections are kept: one transaction on Postgres. Throws while it is away. */
export interface ProjectionStore {
  /** Resolves when the tables are there, those of {@link projectionBooks} included. */
  ready(): Promise<void>;
  transaction<T>(work: Work<T>): Promise<T>;
  /** Connections beside the pool, for a rebuild: it may neither wait for readers nor make them wait. */
  apart(): Promise<ApartStore>;
}

/** A few connections of a rebuild's own, on which a statement may take as long as it needs. */
export interface ApartStore {
  /** One connection that stays: a lock of its session lasts until `close`, or until the connection is lost. */
  readonly session: Query;
  transaction<T>(work: Work<T>): Promise<T>;
  close(): Promise<void>;
}

/** What a reader of a projection may ask. */
export interface ProjectionPort {
  readonly name: string;
  /** Resolves to true when everything up to and with these positions is applied here; false when that takes longer. */
  reached(positions: readonly Position[], timeoutMs: number): Promise<boolean>;
}

/** The schema that live tables stand in. */
export const LIVE_SCHEMA = 'projection';
