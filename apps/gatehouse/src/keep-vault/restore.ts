import type { MigrationClass } from '#host';
import type { WrappingKeys } from '#vault';
import { DataSource, type QueryRunner } from 'typeorm';
import { readBackup } from './backup-file.js';
import { Failed, type Told } from './told.js';
import type { VaultServer } from './vault-database.js';

const perInsert = 500;
/** The number that instances migrate under: none does while a vault is restored. */
const migrationLock = 0x67617465;

/**
 * Puts a backup in the place of the vault, in one transaction: all of it, or nothing. Erasures that came after the backup
 * are carried out by the first service that starts, before it gives anything out.
 *
 * @throws Failed where there is a vault already and `replace` was not said, where services are connected, or where the
 *   file is none, was changed, or is of a later release
 */
export async function restore(
  { url, ssl }: VaultServer,
  keys: WrappingKeys,
  { path, replace }: { readonly path: string | undefined; readonly replace: boolean },
  migrations: readonly MigrationClass[],
  show: (line: string) => void,
): Promise<Told> {
  if (path === undefined) throw new Failed('Name the file to restore.');
  const source = new DataSource({
    type: 'postgres',
    url,
    ...(ssl === undefined ? {} : { ssl }),
    applicationName: 'gatehouse-vault',
    logging: false,
    installExtensions: false,
    connectTimeoutMS: 3_000,
  });
  await source.initialize();
  const runner = source.createQueryRunner();
  try {
    await runner.startTransaction();
    await runner.query('SELECT pg_advisory_xact_lock($1)', [migrationLock]);
    await assertNobodyIsConnected(runner);
    if (!replace) await assertEmpty(runner);
    await runner.query('DROP SCHEMA IF EXISTS vault CASCADE');
    await runner.query('CREATE SCHEMA vault');
    const rows = await load(runner, readBackup(path, keys), migrations, show);
    await runner.commitTransaction();
    return {
      data: { file: path, rows },
      lines: [
        `${String(rows)} rows of ${path} are the vault now.`,
        'Whoever was erased since it was made is erased again when a service starts, before it answers.',
      ],
    };
  } catch (error) {
    if (runner.isTransactionActive) await runner.rollbackTransaction();
    throw error;
  } finally {
    await runner.release();
    await source.destroy();
  }
}

async function assertNobodyIsConnected(runner: QueryRunner): Promise<void> {
  const found = (await runner.query(
    `SELECT DISTINCT application_name AS name FROM pg_stat_activity
      WHERE datname = current_database() AND application_name LIKE 'gatehouse-%' AND application_name <> 'gatehouse-vault'`,
  )) as readonly { readonly name: string }[];
  if (found.length > 0)
    throw new Failed(`Services are connected (${found.map(({ name }) => name).join(', ')}): stop them first.`);
}

async function assertEmpty(runner: QueryRunner): Promise<void> {
  const tables = (await runner.query(
    `SELECT relname AS name FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace
      WHERE n.nspname = 'vault' AND t.relkind = 'r' AND relname <> 'migrations'`,
  )) as readonly { readonly name: string }[];
  for (const { name } of tables) {
    const found = (await runner.query(`SELECT 1 FROM vault."${name}" LIMIT 1`)) as readonly unknown[];
    if (found.length > 0)
      throw new Failed(
        'There is a vault with something in it. --replace destroys it and puts the backup in its place.',
      );
  }
}

async function load(
  runner: QueryRunner,
  lines: AsyncIterable<string>,
  migrations: readonly MigrationClass[],
  show: (line: string) => void,
): Promise<number> {
  let table = '';
  let rows: string[] = [];
  let loaded = 0;
  const tables = new Set<string>();
  const put = async (): Promise<void> => {
    if (rows.length === 0) return;
    if (!tables.has(table)) throw new Failed(`The backup has a table ${table}, which this release does not know.`);
    const values = `[${rows.join(',')}]`;
    await runner.query(
      `INSERT INTO vault.${table} SELECT * FROM jsonb_populate_recordset(NULL::vault.${table}, $1::jsonb)`,
      [values],
    );
    loaded += rows.length;
    rows = [];
    show(`${String(loaded)} rows`);
  };
  const held: string[] = [];
  for await (const line of lines) {
    const begun = tableOf(line);
    if (begun === undefined) {
      // Which tables there are is known once all of what was migrated is.
      (table === 'migrations' ? held : rows).push(line);
      if (rows.length >= perInsert) await put();
      continue;
    }
    await put();
    if (table === 'migrations') for (const made of await migrate(runner, held, migrations)) tables.add(made);
    table = begun;
  }
  await put();
  return loaded + held.length;
}

/** Makes the tables as they were when the backup was made; what is newer is migrated by the first service that starts. */
async function migrate(
  runner: QueryRunner,
  rows: readonly string[],
  migrations: readonly MigrationClass[],
): Promise<readonly string[]> {
  await runner.query(
    'CREATE TABLE vault.migrations (id serial PRIMARY KEY, "timestamp" bigint NOT NULL, name varchar NOT NULL)',
  );
  await runner.query(
    `INSERT INTO vault.migrations ("timestamp", name)
     SELECT "timestamp", name FROM jsonb_to_recordset($1::jsonb) AS m (id integer, "timestamp" bigint, name varchar) ORDER BY id`,
    [`[${rows.join(',')}]`],
  );
  const made = (await runner.query('SELECT name FROM vault.migrations ORDER BY "timestamp", id')) as readonly {
    readonly name: string;
  }[];
  for (const { name } of made) {
    const Migration = migrations.find((each) => new each().name === name);
    if (Migration === undefined) throw new Failed(`The backup is of a later release: ${name} is not known here.`);
    await new Migration().up(runner);
  }
  const tables = (await runner.query(
    `SELECT relname AS name FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace
      WHERE n.nspname = 'vault' AND t.relkind = 'r' AND relname ~ '^[a-z_]+$'`,
  )) as readonly { readonly name: string }[];
  return tables.map(({ name }) => name);
}

/** The name of a table that begins; a row never has the form of one. */
function tableOf(line: string): string | undefined {
  return /^\{"table":"([a-z_]+)"\}$/.exec(line)?.[1];
}
