import type { WrappingKeys } from '#vault';
import { writeBackup } from './backup-file.js';
import { Failed, type Told } from './told.js';
import type { VaultDatabase } from './vault-database.js';

const perFetch = 1_000;

/** A line of a backup: a table's name, then its rows until the next name. */
export interface TableLine {
  readonly table: string;
}

/** Writes the whole vault as it is at one moment, beside running services. */
export async function backup(
  database: VaultDatabase,
  keys: WrappingKeys,
  path: string | undefined,
  show: (line: string) => void,
): Promise<Told> {
  if (path === undefined) throw new Failed('Name the file to write.');
  let rows = 0;
  await database.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  const { createdAt, wrappedBy } = await writeBackup(
    path,
    keys,
    linesOf(database, () => {
      rows += 1;
      if (rows % perFetch === 0) show(`${String(rows)} rows`);
    }),
  );
  await database.query('COMMIT');
  return {
    data: { file: path, createdAt, wrappedBy, rows },
    lines: [
      `${String(rows)} rows of the vault stand in ${path}.`,
      `It opens under ${wrappedBy} alone: keep that key as long as the file, and elsewhere.`,
    ],
  };
}

async function* linesOf(database: VaultDatabase, onRow: () => void): AsyncGenerator<string> {
  for (const table of await tablesInOrder(database)) {
    const line: TableLine = { table };
    yield JSON.stringify(line);
    await database.query(
      `DECLARE backed_up NO SCROLL CURSOR FOR SELECT to_jsonb(t)::text AS row FROM vault.${table} t`,
    );
    for (;;) {
      const rows = await database.query<{ row: string }>(`FETCH ${String(perFetch)} FROM backed_up`);
      for (const { row } of rows) {
        onRow();
        yield row;
      }
      if (rows.length === 0) break;
    }
    await database.query('CLOSE backed_up');
  }
}

/** Every table of the vault, `migrations` first, and those that others refer to before these. Names that need no quotes: all are ours. */
async function tablesInOrder(database: VaultDatabase): Promise<readonly string[]> {
  const rows = await database.query<{ name: string; needs: string[] }>(
    `SELECT t.relname AS name,
            array(SELECT r.relname::text FROM pg_constraint c JOIN pg_class r ON r.oid = c.confrelid
                   WHERE c.conrelid = t.oid AND c.contype = 'f' AND c.confrelid <> t.oid) AS needs
       FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace
      WHERE n.nspname = 'vault' AND t.relkind = 'r' AND t.relname ~ '^[a-z_]+$' ORDER BY t.relname`,
  );
  // What was migrated says which tables there are.
  const ordered = rows.filter(({ name }) => name === 'migrations').map(({ name }) => name);
  while (ordered.length < rows.length) {
    const next = rows.filter(({ name, needs }) => !ordered.includes(name) && needs.every((it) => ordered.includes(it)));
    if (next.length === 0) throw new Failed('Tables of the vault refer to each other in a circle.');
    ordered.push(...next.map(({ name }) => name));
  }
  return ordered;
}
