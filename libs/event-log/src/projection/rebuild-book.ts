import type { Query } from './projection.js';

/** What becomes of a rebuild; `interrupted` when its process ended, or was cut off from Postgres, before its end. */
export type RebuildStatus = 'running' | 'succeeded' | 'failed' | 'interrupted';

/** What a running rebuild does: read the log again, make indexes, wait for the moment to swap. */
export type RebuildStage = 'replaying' | 'indexing' | 'swapping';

/** How far a rebuild is. */
export interface RebuildProgress {
  readonly stage: RebuildStage;
  /** Events applied. */
  readonly events: number;
  /** Offsets passed, of those that the log had when it began; control records have offsets too. */
  readonly offsetsDone: number;
  readonly offsetsOf: number;
  /** Milliseconds from the first record asked for to the end of the log as it was then, or until now. */
  readonly replayMs: number;
}

/** A rebuild as it is kept. */
export interface RebuildRecord extends RebuildProgress {
  readonly id: string;
  readonly projection: string;
  readonly version: number;
  readonly status: RebuildStatus;
  readonly startedAt: Date;
  readonly endedAt?: Date;
  /** Why it failed. */
  readonly detail?: string;
}

interface Row {
  readonly id: string;
  readonly projection: string;
  readonly version: number;
  readonly status: RebuildStatus;
  readonly stage: RebuildStage;
  readonly started_at: Date;
  readonly ended_at: Date | null;
  readonly events: string;
  readonly offsets_done: string;
  readonly offsets_of: string;
  readonly replay_ms: string;
  readonly detail: string | null;
  readonly locked: boolean;
}

/** 'gprj': the class of the advisory locks, one for each projection, that rebuilds take. */
const LOCK_CLASS = 0x6770726a;

/** A rebuild that says it runs and whose lock nobody holds has lost its process. */
const SELECT = `
  SELECT r.*, EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                       WHERE l.locktype = 'advisory' AND d.datname = current_database() AND l.granted
                         AND l.classid = ${LOCK_CLASS} AND l.objid = (hashtext(r.projection)::bigint & 4294967295)::oid) AS locked
    FROM projection.rebuilds r`;

/** Takes the lock of a projection's rebuild for the session of `query`: false when another session has it. */
export async function lockRebuild(query: Query, projection: string): Promise<boolean> {
  const [row] = await query<{ locked: boolean }>('SELECT pg_try_advisory_lock($1, hashtext($2)) AS locked', [
    LOCK_CLASS,
    projection,
  ]);
  return row?.locked === true;
}

/** Gives back what {@link lockRebuild} took on the same session. */
export async function unlockRebuild(query: Query, projection: string): Promise<void> {
  await query('SELECT pg_advisory_unlock($1, hashtext($2))', [LOCK_CLASS, projection]);
}

export async function noteStart(query: Query, id: string, projection: string, version: number): Promise<void> {
  await query(
    `UPDATE projection.rebuilds SET status = 'interrupted', ended_at = now() WHERE projection = $1 AND status = 'running'`,
    [projection],
  );
  await query(
    `INSERT INTO projection.rebuilds (id, projection, version, status, stage, started_at)
     VALUES ($1, $2, $3, 'running', 'replaying', now())`,
    [id, projection, version],
  );
}

export async function noteProgress(query: Query, id: string, progress: RebuildProgress): Promise<void> {
  const { stage, events, offsetsDone, offsetsOf, replayMs } = progress;
  await query(
    `UPDATE projection.rebuilds SET stage = $2, events = $3, offsets_done = $4, offsets_of = $5, replay_ms = $6
      WHERE id = $1 AND status = 'running'`,
    [id, stage, events, offsetsDone, offsetsOf, Math.round(replayMs)],
  );
}

export async function noteEnd(query: Query, id: string, status: RebuildStatus, detail?: string): Promise<void> {
  await query(
    `UPDATE projection.rebuilds SET status = $2, ended_at = now(), detail = $3 WHERE id = $1 AND status = 'running'`,
    [id, status, detail ?? null],
  );
}

/** A rebuild by its id. */
export async function findRebuild(query: Query, id: string): Promise<RebuildRecord | undefined> {
  const [row] = await settled(() => query<Row>(`${SELECT} WHERE r.id = $1`, [id]));
  return row && recordOf(row);
}

/** The last rebuild of each projection that had one. */
export async function lastRebuilds(query: Query, projections: readonly string[]): Promise<Map<string, RebuildRecord>> {
  const rows = await settled(() =>
    query<Row>(
      `SELECT DISTINCT ON (projection) * FROM (${SELECT} WHERE r.projection = ANY ($1)) each
        ORDER BY projection, started_at DESC`,
      [projections],
    ),
  );
  return new Map(rows.map((row) => [row.projection, recordOf(row)]));
}

/**
 * Locks are seen as they are, rows as they were when the statement began: a rebuild that ended in between looks as if it had
 * lost its process. A second look, with a snapshot of its own, sees how it ended.
 */
async function settled(look: () => Promise<Row[]>): Promise<Row[]> {
  const rows = await look();
  return rows.some(({ status, locked }) => status === 'running' && !locked) ? await look() : rows;
}

function recordOf(row: Row): RebuildRecord {
  return {
    id: row.id,
    projection: row.projection,
    version: row.version,
    status: row.status === 'running' && !row.locked ? 'interrupted' : row.status,
    stage: row.stage,
    startedAt: row.started_at,
    ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
    events: Number(row.events),
    offsetsDone: Number(row.offsets_done),
    offsetsOf: Number(row.offsets_of),
    replayMs: Number(row.replay_ms),
    ...(row.detail === null ? {} : { detail: row.detail }),
  };
}
