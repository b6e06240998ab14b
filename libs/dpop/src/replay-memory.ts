/** Where what was spent is kept. Throws when the store is away. */
export interface SpentStore {
  query<Row extends object>(sql: string, parameters?: readonly unknown[]): Promise<readonly Row[]>;
}

/** The tables of one row that say since when what was spent is remembered. */
export type MemoryTable = 'protocol.replay_guard' | 'protocol.proofs_since';

/** Nobody can say now whether something was spent before: the database may have forgotten it. Another try may succeed. */
export class ReplayMemoryLost extends Error {
  override readonly name = 'ReplayMemoryLost';
  readonly code = 'replay-memory-lost';

  constructor() {
    super('what was spent before this database was started is not known');
  }
}

/** How far the clocks of those who sign may be ahead, in seconds: what they made before a loss may say so much later. */
const AHEAD_S = 5;
/** How long what was made after that may be under way, in seconds: nothing is refused as too old that only was not there yet. */
const UNDER_WAY_S = 2;

/** A copy has another, whatever it is called. */
const THIS_DATABASE = '(SELECT oid FROM pg_database WHERE datname = current_database())';

/**
 * Whether the row was written at this start of this database, and was not copied since: a server that was started anew may
 * be a backup, a snapshot, or a standby that had not got everything; a database that was made after another, as a template,
 * has another number; a row that came back from a dump was inserted by another transaction than it says (docs/adr/0037).
 */
const unmoved = (row: string): string =>
  `${row}.server_started = pg_postmaster_start_time() AND ${row}.written_in = ${row}.xmin AND ${row}.written_for = ${THIS_DATABASE}`;

/** Whether the memory is the one that it was, and counts: one that begins anew does so some seconds later. */
export const intact = (table: MemoryTable): string => {
  const row = table.slice(table.indexOf('.') + 1);
  return `${unmoved(row)} AND ${row}.counts_from <= clock_timestamp()`;
};

/** Makes the table of a memory one that knows when it is not the same any more; its one row stays. */
export const rememberItself = (table: MemoryTable): readonly string[] => [
  `ALTER TABLE ${table}
     ADD COLUMN the_only boolean PRIMARY KEY DEFAULT true CHECK (the_only),
     ADD COLUMN counts_from timestamptz,
     ADD COLUMN server_started timestamptz,
     ADD COLUMN written_in xid`,
  `UPDATE ${table}
   SET counts_from = since, server_started = pg_postmaster_start_time(), written_in = pg_current_xact_id()::xid`,
];

/**
 * Makes it know of which database it is. A memory that was just made goes on; whatever else is found there may have been restored or
 * copied, and begins anew.
 */
export const rememberDatabase = (table: MemoryTable): readonly string[] => [
  `ALTER TABLE ${table} ADD COLUMN written_for oid`,
  `UPDATE ${table} SET written_for = ${THIS_DATABASE}, written_in = pg_current_xact_id()::xid
   WHERE server_started = pg_postmaster_start_time() AND written_in = xmin
     AND counts_from = since AND since > clock_timestamp() - interval '1 minute'`,
];

/** Undoes {@link rememberDatabase}. */
export const forgetDatabase = (table: MemoryTable): string => `ALTER TABLE ${table} DROP COLUMN written_for`;

/** Undoes {@link rememberItself}. */
export const forgetItself = (table: MemoryTable): string =>
  `ALTER TABLE ${table} DROP COLUMN the_only, DROP COLUMN counts_from, DROP COLUMN server_started, DROP COLUMN written_in`;

/**
 * Begins a memory anew where it is not intact, at one instance of all that find it so; changes nothing elsewhere. It begins
 * some seconds ahead: nothing that was made before, by whichever clock, is later than that. One that counts from much later was begun
 * by a clock that was set back since.
 */
export async function beginAnew(store: SpentStore, table: MemoryTable): Promise<void> {
  await store.query(`
    INSERT INTO ${table} AS memory (since, counts_from, server_started, written_in, written_for)
    SELECT since, since + interval '${UNDER_WAY_S} seconds', pg_postmaster_start_time(), pg_current_xact_id()::xid, ${THIS_DATABASE}
    FROM (SELECT date_trunc('second', clock_timestamp()) + interval '${AHEAD_S + 1} seconds' AS since) AS anew
    ON CONFLICT (the_only) DO UPDATE
    SET since = EXCLUDED.since, counts_from = EXCLUDED.counts_from, server_started = EXCLUDED.server_started,
        written_in = EXCLUDED.written_in, written_for = EXCLUDED.written_for
    WHERE (${unmoved('memory')}) IS NOT TRUE OR memory.counts_from > EXCLUDED.counts_from + interval '1 second'`);
}
