import type { Position } from '#contracts';
import type { NextOffsets } from '../tail/log-tail.js';
import { LIVE_SCHEMA, type Query } from './projection.js';

/** What a projection's checkpoints are kept under. */
export interface ProjectionKey {
  readonly name: string;
  readonly version: number;
}

/**
 * The books of projections, in the schema of their rows and so in the same transactions: how far each is, under which
 * version, and what became of its rebuilds. For a migration; repeating it changes nothing.
 */
export const projectionBooks: readonly string[] = [
  checkpointsIn(LIVE_SCHEMA),
  // Versions stood beside each other once, with no way from one to the next.
  `ALTER TABLE projection.checkpoints DROP CONSTRAINT checkpoints_pkey, ADD PRIMARY KEY (projection, topic, partition)`,
  `CREATE TABLE projection.rebuilds (
    id uuid PRIMARY KEY,
    projection text NOT NULL,
    version integer NOT NULL,
    status text NOT NULL,
    stage text NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz,
    events bigint NOT NULL DEFAULT 0,
    offsets_done bigint NOT NULL DEFAULT 0,
    offsets_of bigint NOT NULL DEFAULT 0,
    replay_ms bigint NOT NULL DEFAULT 0,
    detail text
  )`,
  'CREATE INDEX rebuilds_by_projection ON projection.rebuilds (projection, started_at)',
];

/** The statement that makes the table of checkpoints in a schema. */
export function checkpointsIn(schema: string): string {
  return `CREATE TABLE IF NOT EXISTS ${schema}.checkpoints (
    projection text NOT NULL,
    version integer NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL,
    PRIMARY KEY (projection, topic, partition)
  )`;
}

/** The rows are of another version of the projection: this process may not write them. */
export class Superseded extends Error {
  override readonly name = 'Superseded';
  constructor({ name, version }: ProjectionKey, stored: number) {
    super(`the rows of ${name} are those of version ${stored}, and this process has version ${version}`);
  }
}

/** The checkpoint stands before what was read last: the tables were dropped or restored under a living process. */
export class CheckpointLost extends Error {
  override readonly name = 'CheckpointLost';
  constructor(name: string, at: Omit<Position, 'offset'>, from: bigint, found: bigint | undefined) {
    super(`${name} was to go on at ${at.topic}:${at.partition}:${from}, and its checkpoint says ${found ?? 'nothing'}`);
  }
}

/** The version that the rows of a projection are of; undefined where there are none. */
export async function storedVersion(query: Query, name: string): Promise<number | undefined> {
  const [row] = await query<{ version: number }>(
    'SELECT version FROM projection.checkpoints WHERE projection = $1 LIMIT 1',
    [name],
  );
  return row?.version;
}

/**
 * Gives every partition of the topics a checkpoint: where the log begins, unless it has one that is further. `schema`
 * is the live one or a rebuild's.
 *
 * @returns where the projection goes on
 */
export async function openCheckpoints(
  query: Query,
  schema: string,
  { name, version }: ProjectionKey,
  starts: NextOffsets,
): Promise<NextOffsets> {
  const rows = [...starts].flatMap(([topic, offsets]) =>
    offsets.map((start, partition) => ({ topic, partition, next_offset: String(start) })),
  );
  await query(
    `INSERT INTO ${schema}.checkpoints AS c (projection, version, topic, partition, next_offset)
     SELECT $1, $2, topic, partition, next_offset
       FROM jsonb_to_recordset($3::jsonb) AS r (topic text, partition integer, next_offset bigint)
      ORDER BY topic, partition
     ON CONFLICT (projection, topic, partition)
     DO UPDATE SET next_offset = greatest(c.next_offset, excluded.next_offset) WHERE c.version = excluded.version`,
    [name, version, JSON.stringify(rows)],
  );
  return await readCheckpoints(query, schema, name);
}

/** How far a projection is, by topic. */
export async function readCheckpoints(
  query: Query,
  schema: string,
  name: string,
  locking: '' | 'FOR UPDATE' = '',
): Promise<NextOffsets> {
  const rows = await query<{ topic: string; partition: number; next_offset: string }>(
    `SELECT topic, partition, next_offset FROM ${schema}.checkpoints
      WHERE projection = $1 ORDER BY topic, partition ${locking}`,
    [name],
  );
  const found = new Map<string, bigint[]>();
  for (const { topic, partition, next_offset } of rows) {
    const offsets = found.get(topic) ?? [];
    for (let at = offsets.length; at < partition; at++) offsets.push(0n);
    offsets[partition] = BigInt(next_offset);
    found.set(topic, offsets);
  }
  return found;
}

/**
 * Locks the checkpoints of some partitions until the transaction ends and gives the next offset of each, in their
 * order: the checkpoint rules. Names of tables are those of `schema` from then on, in the same statement since each is a way to Postgres.
 *
 * @throws Superseded when the rows are another version's
 * @throws CheckpointLost when one stands before the `begin` of its partition, so that going on would leave a gap
 */
export async function lockCheckpoints(
  query: Query,
  schema: string,
  key: ProjectionKey,
  partitions: readonly { readonly next: Omit<Position, 'offset'>; readonly begin: bigint }[],
): Promise<readonly bigint[]> {
  const rows = await query<{ topic: string; partition: number; version: number; next_offset: string }>(
    `SELECT topic, partition, version, next_offset, set_config('search_path', $4, true) FROM ${schema}.checkpoints
      WHERE projection = $1 AND (topic, partition) IN (SELECT * FROM unnest($2::text[], $3::integer[]))
      ORDER BY topic, partition FOR UPDATE`,
    [key.name, partitions.map(({ next }) => next.topic), partitions.map(({ next }) => next.partition), schema],
  );
  const found = new Map(rows.map((row) => [`${row.topic}:${row.partition}`, row]));
  return partitions.map(({ next: { topic, partition }, begin }) => {
    const row = found.get(`${topic}:${partition}`);
    if (row !== undefined && row.version !== key.version) throw new Superseded(key, row.version);
    const offset = row && BigInt(row.next_offset);
    if (offset === undefined || offset < begin) throw new CheckpointLost(key.name, { topic, partition }, begin, offset);
    return offset;
  });
}

export async function moveCheckpoints(
  query: Query,
  schema: string,
  name: string,
  next: readonly Position[],
): Promise<void> {
  await query(
    `UPDATE ${schema}.checkpoints c SET next_offset = n.next_offset
       FROM unnest($2::text[], $3::integer[], $4::bigint[]) AS n (topic, partition, next_offset)
      WHERE c.projection = $1 AND c.topic = n.topic AND c.partition = n.partition`,
    [
      name,
      next.map(({ topic }) => topic),
      next.map(({ partition }) => partition),
      next.map(({ offset }) => String(offset)),
    ],
  );
}
