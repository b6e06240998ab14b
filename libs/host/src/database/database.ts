import { setTimeout as wait } from 'node:timers/promises';
import { types } from 'node:util';
import type { BeforeApplicationShutdown, OnModuleInit } from '@nestjs/common';
import { Pool } from 'pg';
import type { DataSource, EntityManager } from 'typeorm';
import type { FatalErrors } from '../service/fatal-errors.js';
import type { HealthRegistry } from '../health/health-registry.js';
import type { Log } from '../logging/log.js';
import { DatabaseUnavailable, isDatabaseUnavailable, isUntrustedDatabase } from './database-error.js';
import { type MigrationClass, type SchemaName } from './database-schemas.js';
import { migrate } from './migrate.js';

const firstPause = 100;
const longestPause = 2_000;

/** A statement of a path that many requests take: each connection plans it once, under its name. */
export interface Prepared {
  /** Of no other statement in the process. */
  readonly name: string;
  readonly text: string;
}

/** Runs a statement and gives its rows. */
export type Execute = <Row extends object>(
  statement: Prepared,
  parameters: readonly unknown[],
) => Promise<readonly Row[]>;

/**
 * The process's one way to Postgres. It connects and migrates in the background, so that the process starts
 * and goes on while Postgres is away; until then, and whenever it is away later, `query` and
 * `transaction` throw `DatabaseUnavailable`, which answers 503.
 */
export class Database implements OnModuleInit, BeforeApplicationShutdown {
  private readonly connected = Promise.withResolvers<void>();
  private readonly stop = new AbortController();

  constructor(
    /** For repositories and query builders; its own errors are translated at the edge as well. */
    readonly dataSource: DataSource,
    private readonly migrations: Record<SchemaName, readonly MigrationClass[]>,
    private readonly log: Log,
    private readonly health: HealthRegistry,
    private readonly fatal: FatalErrors,
  ) {
    // Nobody may be waiting for it when the process stops before the database came.
    this.connected.promise.catch((error: unknown) =>
      this.log.debug('the database never came', types.isNativeError(error) ? { reason: error.message } : {}),
    );
  }

  onModuleInit(): void {
    this.health.register('database', () => this.ping());
    void this.connect();
  }

  beforeApplicationShutdown(): void {
    this.stop.abort();
    this.connected.reject(new DatabaseUnavailable());
  }

  /** Resolves once, when the database has been reached for the first time and its tables are there; rejects when the process stops before. */
  ready(): Promise<void> {
    return this.connected.promise;
  }

  /** Runs one statement, with `$1` parameters, and gives its rows. */
  async query<Row extends object>(sql: string, parameters: readonly unknown[] = []): Promise<readonly Row[]> {
    return this.run(async () => rowsOf(await this.dataSource.query(sql, [...parameters])));
  }

  /** Runs one prepared statement, past TypeORM, and gives its rows. */
  execute: Execute = async <Row extends object>({ name, text }: Prepared, values: readonly unknown[]) =>
    this.run(async () => rowsOf<Row>((await this.pool().query({ name, text, values: [...values] })).rows));

  /** Runs `work` in one transaction of prepared statements (read committed): all of it is kept, or none. */
  async atomically<T>(work: (execute: Execute) => Promise<T>): Promise<T> {
    return this.run(async () => {
      const client = await this.pool().connect();
      // The statement that comes next fails by itself.
      const lost = (error: Error) => this.log.warn('a connection to the database was lost', error);
      client.on('error', lost);
      let broken = true;
      try {
        await client.query('BEGIN');
        try {
          const result = await work(async <Row extends object>({ name, text }: Prepared, values: readonly unknown[]) =>
            rowsOf<Row>((await client.query({ name, text, values: [...values] })).rows),
          );
          await client.query('COMMIT');
          broken = false;
          return result;
        } catch (error) {
          await client.query('ROLLBACK');
          broken = false;
          throw error;
        }
      } finally {
        client.off('error', lost);
        // A connection of which nobody knows where it stands is not used again.
        client.release(broken);
      }
    });
  }

  private pool(): Pool {
    const { driver } = this.dataSource;
    const pool: unknown = 'master' in driver ? driver.master : undefined;
    if (!(pool instanceof Pool)) throw new Error('the data source has no pool of pg’s');
    return pool;
  }

  /** Reads by entities: `work` gets the manager of them. */
  async read<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    return this.run(() => work(this.dataSource.manager));
  }

  /** Runs `work` in one transaction (read committed): all of it is kept, or none. */
  async transaction<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    return this.run(() => this.dataSource.transaction(work));
  }

  private async run<T>(work: () => Promise<T>): Promise<T> {
    if (!this.dataSource.isInitialized) throw new DatabaseUnavailable();
    try {
      return await work();
    } catch (error) {
      if (isDatabaseUnavailable(error) && !(error instanceof DatabaseUnavailable))
        throw new DatabaseUnavailable({ cause: error });
      throw error;
    }
  }

  private async ping(): Promise<void> {
    if (!this.migrated) throw new DatabaseUnavailable();
    await this.query('SELECT 1');
  }

  private migrated = false;

  private stopped(): boolean {
    return this.stop.signal.aborted;
  }

  private async connect(): Promise<void> {
    for (let attempt = 1; !this.stopped(); attempt++) {
      try {
        if (!this.dataSource.isInitialized) await this.dataSource.initialize();
        await migrate(this.dataSource, this.migrations, this.log);
        this.migrated = true;
        this.connected.resolve();
        return;
      } catch (error) {
        if (this.stopped()) return;
        // At the start a certificate that does not count is a setting that is wrong; later it is an outage.
        if (!isDatabaseUnavailable(error) || isUntrustedDatabase(error)) {
          this.connected.reject(error);
          this.fatal.report('the database could not be prepared', error);
          return;
        }
        const retryInMs = Math.min(firstPause * 2 ** Math.min(attempt - 1, 6), longestPause);
        if (attempt === 1 || attempt % 30 === 0)
          this.log.warn('the database cannot be reached', error, { attempt, retryInMs });
        await wait(retryInMs, undefined, { signal: this.stop.signal }).catch(() => undefined);
      }
    }
  }
}

/** TypeORM gives rows for a SELECT and for RETURNING of an INSERT, and `[rows, count]` for UPDATE and DELETE. */
export function rowsOf<Row extends object>(result: unknown): readonly Row[] {
  if (!Array.isArray(result)) return [];
  const all: readonly unknown[] = result;
  const rows: readonly unknown[] = Array.isArray(all[0]) && typeof all[1] === 'number' ? all[0] : all;
  return rows.filter(isRow<Row>);
}

/** What the statement selects is for the caller to say; that it is an object, not null, is seen here. */
function isRow<Row extends object>(row: unknown): row is Row {
  return typeof row === 'object' && row !== null;
}
