import { Client } from 'pg';
import { DataSource } from 'typeorm';
import { isolate, type Isolation } from '../../../test/environment/isolation.js';
import {
  beginAnew,
  CreateSpentProofs1763942400031,
  GuardSpentProofs1764244800036,
  intact,
  NameProofsDatabase1764280800042,
} from './index.js';

const table = 'protocol.proofs_since';
const isIntact = `SELECT 1 FROM ${table} WHERE ${intact(table)}`;

let own: Isolation;
beforeEach(async () => {
  own = await isolate();
});
afterEach(() => own.dispose());

/** Runs migrations, and what has to be done before the last of them. */
async function migrated(before: (source: DataSource) => Promise<unknown> = async () => undefined): Promise<void> {
  const migrations = [CreateSpentProofs1763942400031, GuardSpentProofs1764244800036, NameProofsDatabase1764280800042];
  const run = async (upTo: number, then: (source: DataSource) => Promise<unknown>) => {
    const source = new DataSource({
      type: 'postgres',
      url: own.databaseUrl,
      schema: 'protocol',
      migrations: migrations.slice(0, upTo),
      installExtensions: false,
    });
    await source.initialize();
    await source.query('CREATE SCHEMA IF NOT EXISTS protocol');
    await source.runMigrations();
    await then(source);
    await source.destroy();
  };
  await run(2, before);
  await run(3, async () => undefined);
}

/** The rows that a statement gives in a database, by a connection that is closed afterwards. */
async function rowsIn(database: string, statement: string): Promise<readonly unknown[]> {
  const url = new URL(own.databaseUrl);
  url.pathname = `/${database}`;
  const client = new Client({ connectionString: url.href });
  await client.connect();
  try {
    return (await client.query<object>(statement)).rows;
  } finally {
    await client.end();
  }
}
const mine = () => new URL(own.databaseUrl).pathname.slice(1);

test('a memory that was just made counts at once', async () => {
  await migrated();
  expect(await rowsIn(mine(), isIntact)).toHaveLength(1);
});

test('a database that was made after another, as a template, does not know what is spent, also under its name', async () => {
  await migrated();
  const [name, copy, aside] = [mine(), `${mine()}_copy`, `${mine()}_aside`];
  await rowsIn('postgres', `CREATE DATABASE ${copy} TEMPLATE ${name}`);
  try {
    expect(await rowsIn(copy, isIntact)).toEqual([]);
    await rowsIn('postgres', `ALTER DATABASE ${name} RENAME TO ${aside}`);
    await rowsIn('postgres', `ALTER DATABASE ${copy} RENAME TO ${name}`);
    expect(await rowsIn(name, isIntact)).toEqual([]);
    expect(await rowsIn(aside, isIntact)).toHaveLength(1);
  } finally {
    for (const other of [copy, aside]) await rowsIn('postgres', `DROP DATABASE IF EXISTS ${other} WITH (FORCE)`);
  }
});

describe('a memory that a migration finds', () => {
  const older = (interval: string) => (source: DataSource) =>
    source.query(`UPDATE ${table} SET since = since - interval '${interval}', counts_from = counts_from - interval '${interval}',
      written_in = pg_current_xact_id()::xid`);

  test('may be that of a backup: it is not vouched for', async () => {
    await migrated(older('1 day'));
    expect(await rowsIn(mine(), isIntact)).toEqual([]);
  });

  test('nor is one that was begun at this start of the server: a copy of the database has that, too', async () => {
    await migrated(async (source) => {
      await source.query(`DELETE FROM ${table}`);
      // As the release before began one.
      await source.query(`INSERT INTO ${table} (since, counts_from, server_started, written_in)
        VALUES (now() - interval '1 hour', now() - interval '59 minutes', pg_postmaster_start_time(), pg_current_xact_id()::xid)`);
    });
    expect(await rowsIn(mine(), isIntact)).toEqual([]);
  });
});

test('one that counts from later than now, by a clock that was set back since, begins anew', async () => {
  await migrated();
  const source = await new DataSource({
    type: 'postgres',
    url: own.databaseUrl,
    installExtensions: false,
  }).initialize();
  await source.query(`UPDATE ${table} SET since = since + interval '2 hours', counts_from = now() + interval '2 hours',
    written_in = pg_current_xact_id()::xid`);
  await beginAnew({ query: (sql: string) => source.query<never[]>(sql) }, table);
  const soon = `SELECT 1 FROM ${table} WHERE counts_from < clock_timestamp() + interval '1 minute'`;
  expect(await rowsIn(mine(), soon)).toHaveLength(1);
  await source.destroy();
});

test('begins anew once, at one instance of all', async () => {
  await migrated((source) => source.query(`UPDATE ${table} SET server_started = 'epoch'`));
  const source = await new DataSource({
    type: 'postgres',
    url: own.databaseUrl,
    installExtensions: false,
  }).initialize();
  const store = { query: (sql: string) => source.query<never[]>(sql) };
  await Promise.all([1, 2, 3].map(() => beginAnew(store, table)));
  const began = await rowsIn(mine(), `SELECT since FROM ${table}`);
  await beginAnew(store, table);
  expect(await rowsIn(mine(), `SELECT since FROM ${table}`)).toEqual(began);
  await source.destroy();
});
