import type { NextOffsets } from '../tail/log-tail.js';
import { checkpointsIn, openCheckpoints, type ProjectionKey } from './checkpoints.js';
import { LIVE_SCHEMA, type ApartStore, type ProjectionDefinition, type Query } from './projection.js';

/** Shorter than Postgres's `deadlock_timeout` of 1 s: where the swap and a reader wait for each other, the swap gives way. */
const TABLE_LOCK_MS = 400;

/** Rows that were copied a moment ago have nothing to clear up: Postgres would read them all again and again while more come. */
const WHILE_FILLED = 'autovacuum_enabled = off';

type Described = Pick<ProjectionDefinition, 'name' | 'version' | 'tables'>;

/** A key or an index, as the statement that makes it beside the table of a schema. */
interface Part {
  readonly table: string;
  readonly sql: string;
  /** Whether rows can only be written with it: primary keys and what is unique. */
  readonly needed: boolean;
}

/** A projection has what a swap cannot carry over. */
class CannotRebuild extends Error {
  override readonly name = 'CannotRebuild';
}

/** The tables of a projection a second time, in a schema of their own, while a rebuild fills them. */
export class ShadowTables {
  private constructor(
    readonly schema: string,
    private readonly projection: Described,
    private readonly parts: readonly Part[],
  ) {}

  /** Makes the tables as the live ones are now, without the indexes that only readers need. Drops what earlier rebuilds left. */
  static async create(query: Query, projection: Described, id: string): Promise<ShadowTables> {
    const schema = `${prefixOf(projection)}${id.replaceAll('-', '').slice(-12)}`;
    await ShadowTables.dropAll(query, projection);
    await query(`CREATE SCHEMA ${schema}`);
    await refuseForeignKeys(query, projection.tables);
    for (const table of projection.tables) {
      await query(
        `CREATE TABLE ${schema}.${table} (LIKE ${LIVE_SCHEMA}.${table} INCLUDING ALL EXCLUDING INDEXES) WITH (${WHILE_FILLED})`,
      );
    }
    const shadow = new ShadowTables(schema, projection, await partsOf(query, schema, projection.tables));
    await query(checkpointsIn(schema));
    for (const { needed, sql } of shadow.parts) if (needed) await query(sql);
    return shadow;
  }

  /** Drops what rebuilds of a projection left. Only for who holds its lock. */
  static async dropAll(query: Query, projection: Described): Promise<void> {
    const left = await query<{ nspname: string }>('SELECT nspname FROM pg_namespace WHERE nspname ~ $1', [
      `^${prefixOf(projection)}[0-9a-f]{12}$`,
    ]);
    for (const { nspname } of left) await query(`DROP SCHEMA ${nspname} CASCADE`);
  }

  async openCheckpoints(query: Query, key: ProjectionKey, starts: NextOffsets): Promise<void> {
    await openCheckpoints(query, this.schema, key, starts);
  }

  /**
   * Makes the remaining indexes under the names of the live ones, and counts rows for the planner. Each in a transaction of
   * its own: one that held two tables could wait for a batch that waits for it.
   */
  async finish({ transaction }: Pick<ApartStore, 'transaction'>): Promise<void> {
    for (const { needed, sql } of this.parts) if (!needed) await transaction((query) => query(sql));
    for (const table of this.projection.tables) {
      await transaction((query) => query(`ANALYZE ${this.schema}.${table}`));
    }
  }

  /**
   * Puts these tables into the place of the live ones, in the transaction that is open on `query` and holds the live
   * checkpoints. A reader sees the rows before or the rows after; one that comes meanwhile waits, and finds the new ones.
   */
  async takeOver(query: Query, { name, version }: ProjectionKey): Promise<void> {
    const { tables } = this.projection;
    await query(`SET LOCAL lock_timeout = ${TABLE_LOCK_MS}`);
    await query(`LOCK TABLE ${tables.map((table) => `${LIVE_SCHEMA}.${table}`).join(', ')} IN ACCESS EXCLUSIVE MODE`);
    for (const table of tables) {
      await this.#keepGrants(query, table);
      await query(`DROP TABLE ${LIVE_SCHEMA}.${table}`);
      await query(`ALTER TABLE ${this.schema}.${table} RESET (autovacuum_enabled)`);
      await query(`ALTER TABLE ${this.schema}.${table} SET SCHEMA ${LIVE_SCHEMA}`);
    }
    // Rows are changed, never replaced: a runner that waits for one finds it, and the version that it is of now.
    await query(
      `INSERT INTO projection.checkpoints SELECT * FROM ${this.schema}.checkpoints
       ON CONFLICT (projection, topic, partition) DO UPDATE SET next_offset = excluded.next_offset`,
    );
    await query('UPDATE projection.checkpoints SET version = $2 WHERE projection = $1', [name, version]);
    await query(`DROP SCHEMA ${this.schema} CASCADE`);
  }

  /** Who was let read a table may read the one that takes its place. */
  async #keepGrants(query: Query, table: string): Promise<void> {
    const grants = await query<{ sql: string }>(
      `SELECT format('GRANT %s ON %I.%I TO %s', a.privilege_type, $2::text, c.relname,
                     CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(a.grantee::regrole::text) END) AS sql
         FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.oid = $1::regclass AND a.grantee <> c.relowner`,
      [`${LIVE_SCHEMA}.${table}`, this.schema],
    );
    for (const { sql } of grants) await query(sql);
  }
}

function prefixOf({ name }: Described): string {
  return `rebuild_${name.replaceAll('-', '_')}_`;
}

async function refuseForeignKeys(query: Query, tables: readonly string[]): Promise<void> {
  const [found] = await query<{ conname: string }>(
    `SELECT conname FROM pg_constraint WHERE contype = 'f' AND (conrelid = ANY ($1::regclass[]) OR confrelid = ANY ($1::regclass[]))`,
    [tables.map((table) => `${LIVE_SCHEMA}.${table}`)],
  );
  if (found) throw new CannotRebuild(`a projection's tables may not have foreign keys, and there is ${found.conname}`);
}

/** Keys and indexes of the live tables, as statements that make them in `schema` under the same names. */
async function partsOf(query: Query, schema: string, tables: readonly string[]): Promise<readonly Part[]> {
  return await query<Part>(
    `SELECT c.relname AS table, true AS needed,
            format('ALTER TABLE %I.%I ADD CONSTRAINT %I %s', $2::text, c.relname, k.conname, pg_get_constraintdef(k.oid)) AS sql
       FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
      WHERE c.oid = ANY ($1::regclass[]) AND k.contype IN ('p', 'u', 'x')
     UNION ALL
     SELECT c.relname, i.indisunique,
            replace(pg_get_indexdef(i.indexrelid), format(' ON %I.%I ', $3::text, c.relname), format(' ON %I.%I ', $2::text, c.relname))
       FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
      WHERE c.oid = ANY ($1::regclass[])
        AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))`,
    [tables.map((table) => `${LIVE_SCHEMA}.${table}`), schema, LIVE_SCHEMA],
  );
}
