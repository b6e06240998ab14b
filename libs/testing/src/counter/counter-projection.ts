import {
  type ApartStore,
  defineProjection,
  eventsOf,
  projectionBooks,
  type ProjectionStore,
  type Query,
  type Work,
} from '#event-log';
import { copyOn } from '#host';
import { Pool, type PoolClient } from 'pg';
import { counter } from './counter.js';

/** Counters in a table. It adds to what stands there, so that an event applied twice shows. */
export const countersProjection = defineProjection({
  name: 'counters',
  version: 1,
  tables: ['counters'],
  sources: [eventsOf(counter)],
  async apply(entries, query) {
    const added = Map.groupBy(entries, ({ event }) => event.meta.subject);
    const rows = [...added].map(([subject, own]) => ({
      subject,
      total: own.reduce((sum, { event }) => sum + (event.type === 'added' ? event.data.amount : 0), 0),
      version: own.length,
    }));
    await query(
      `INSERT INTO counters (subject, total, version)
       SELECT subject, total, version FROM jsonb_to_recordset($1::jsonb) AS row (subject text, total integer, version integer)
       ON CONFLICT (subject) DO UPDATE SET
         total = counters.total + excluded.total, version = counters.version + excluded.version`,
      [JSON.stringify(rows)],
    );
  },
});

/** Where a process without Nest keeps projections: a Postgres pool, and the one table of the counters. */
export class PoolStore implements ProjectionStore {
  readonly #pool: Pool;

  constructor(url: string) {
    this.#pool = new Pool({ connectionString: url, max: 4, connectionTimeoutMillis: 2_000 });
    // A connection that ends is replaced; whoever uses it sees the error of its query.
    this.#pool.on('error', () => undefined);
    this.#pool.on('connect', (client) => client.on('error', () => undefined));
  }

  async ready(): Promise<void> {
    await this.transaction(async (query) => {
      await query(`SELECT pg_advisory_xact_lock(hashtext('counters'))`);
      await query('CREATE SCHEMA IF NOT EXISTS projection');
      await query(
        'CREATE TABLE IF NOT EXISTS projection.counters (subject text PRIMARY KEY, total integer NOT NULL, version integer NOT NULL)',
      );
      const [books] = await query<{ found: string | null }>(`SELECT to_regclass('projection.rebuilds') AS found`);
      if (!books?.found) for (const statement of projectionBooks) await query(statement);
    });
  }

  async transaction<T>(work: Work<T>): Promise<T> {
    return await inTransaction(this.#pool, work);
  }

  async apart(): Promise<ApartStore> {
    const pool = new Pool({ ...this.#pool.options, max: 4 });
    pool.on('error', () => undefined);
    pool.on('connect', (client) => client.on('error', () => undefined));
    const session = await pool.connect();
    return {
      session: queryOf(session),
      transaction: (work) => inTransaction(pool, work),
      close: async () => {
        session.release(true);
        await pool.end();
      },
    };
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }
}

async function inTransaction<T>(pool: Pool, work: Work<T>): Promise<T> {
  const client = await pool.connect();
  let failed = true;
  try {
    await client.query('BEGIN');
    const query = queryOf(client);
    const result = await work(
      query,
      copyOn(() => Promise.resolve(client), query),
    );
    await client.query('COMMIT');
    failed = false;
    return result;
  } finally {
    // A connection that failed in a transaction is closed, which rolls it back.
    client.release(failed);
  }
}

function queryOf(client: PoolClient): Query {
  return async <Row>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> => {
    // Sound as far as the caller names the columns it selects.
    const { rows } = await client.query(sql, [...parameters]);
    return rows as Row[];
  };
}
