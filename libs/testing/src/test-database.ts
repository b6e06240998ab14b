import { randomBytes } from 'node:crypto';
import { Client } from 'pg';

/** A database of one test file's own. */
export interface TestDatabase {
  readonly url: string;
  /** Runs one statement and gives its rows. */
  query<Row extends object>(sql: string, parameters?: unknown[]): Promise<Row[]>;
  /** Drops it, whoever is still connected. */
  drop(): Promise<void>;
}

/** Makes an empty database on the test run's Postgres (`DATABASE_URL`). */
export async function testDatabase(): Promise<TestDatabase> {
  const server = process.env['DATABASE_URL'];
  if (server === undefined) throw new Error('DATABASE_URL names no Postgres: run this through jest’s global set-up');
  const name = `gh_test_${randomBytes(6).toString('hex')}`;
  await once(server, `CREATE DATABASE ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    query: (sql, parameters) => once(url.href, sql, parameters),
    drop: async () => {
      await once(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
  };
}

async function once<Row extends object>(url: string, sql: string, parameters: unknown[] = []): Promise<Row[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql, parameters)).rows;
  } finally {
    await client.end();
  }
}
