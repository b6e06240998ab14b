import { Client } from 'pg';

/** What is compared: a projection by its name, and all its tables. */
export interface Projection {
  readonly name: string;
  readonly tables: readonly string[];
}

/** A projection's rows, each as text under its table's name, and how far they are, all at one moment. */
interface Tables {
  readonly checkpoints: string;
  readonly rows: readonly string[];
}

/** How often the log may move between two looks before the comparison gives up. */
const LOOKS = 10;

/**
 * Holds a projection's live rows against what `rebuild` derives from the log again. Both are looked at where they are at
 * the same offsets, so something may go on meanwhile.
 *
 * It also complains of a projection without rows: there would be nothing to compare.
 *
 * @param rebuild resolves when the rebuilt tables are the live ones
 * @returns what differs, in words; empty when the rebuilt rows are the live ones
 */
export async function compareWithRebuilt(
  databaseUrl: string,
  projection: Projection,
  rebuild: () => Promise<void>,
): Promise<string[]> {
  for (let look = 0; look < LOOKS; look++) {
    const live = await tablesOf(databaseUrl, projection);
    await rebuild();
    const rebuilt = await tablesOf(databaseUrl, projection);
    if (live.rows.length === 0) return [`${projection.name} has no rows to compare`];
    if (live.checkpoints === rebuilt.checkpoints) return differences(projection.name, live.rows, rebuilt.rows);
  }
  return [`${projection.name} never stood still long enough to be compared`];
}

/** A projection's tables as they stand, in one snapshot. */
async function tablesOf(databaseUrl: string, { name, tables }: Projection): Promise<Tables> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const { rows: checkpoints } = await client.query<{ row: string }>(
      `SELECT c::text AS row FROM projection.checkpoints c WHERE projection = $1 ORDER BY topic, partition`,
      [name],
    );
    const found: string[] = [];
    for (const table of tables) {
      const { rows } = await client.query<{ row: string }>(
        `SELECT t::text AS row FROM projection.${table} t ORDER BY 1`,
      );
      found.push(...rows.map(({ row }) => `${table} ${row}`));
    }
    await client.query('COMMIT');
    return { checkpoints: checkpoints.map(({ row }) => row).join(), rows: found };
  } finally {
    await client.end();
  }
}

function differences(name: string, live: readonly string[], rebuilt: readonly string[]): string[] {
  const [before, after] = [counted(live), counted(rebuilt)];
  return [
    ...missing(before, after).map((row) => `${name}, rebuilt, lacks the live row ${row}`),
    ...missing(after, before).map((row) => `${name}, rebuilt, has a row that is not live: ${row}`),
  ];
}

function counted(rows: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const row of rows) counts.set(row, (counts.get(row) ?? 0) + 1);
  return counts;
}

function missing(of: ReadonlyMap<string, number>, inside: ReadonlyMap<string, number>): string[] {
  return [...of].filter(([row, times]) => (inside.get(row) ?? 0) < times).map(([row]) => row);
}
