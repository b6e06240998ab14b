import type { Position } from '#contracts';
import type { NextOffsets } from '../tail/log-tail.js';
import type { Query } from './projection.js';

/** The table that says how far each projection is: in the same schema, and so in the same transaction, as its rows. */
const TABLE = `CREATE TABLE IF NOT EXISTS projection.checkpoints (
  projection text NOT NULL,
  version integer NOT NULL,
  topic text NOT NULL,
  partition integer NOT NULL,
  next_offset bigint NOT NULL,
  PRIMARY KEY (projection, version, topic, partition)
)`;

/** Makes the table where it is missing. One at a time: `IF NOT EXISTS` alone fails for the second of two that come together. */
export async function ensureCheckpoints(query: Query): Promise<void> {
  await query(`SELECT pg_advisory_xact_lock(hashtext('gatehouse.projection.checkpoints'))`);
  await query(TABLE);
}

interface Key {
  readonly projection: string;
  readonly version: number;
}

/** Where a projection goes on, by topic; what has no row goes on at 0. */
export async function readCheckpoints(query: Query, { projection, version }: Key): Promise<NextOffsets> {
  const rows = await query<{ topic: string; partition: number; next_offset: string }>(
    'SELECT topic, partition, next_offset FROM projection.checkpoints WHERE projection = $1 AND version = $2',
    [projection, version],
  );
  const found = new Map<string, bigint[]>();
  for (const { topic, partition, next_offset } of rows) {
    const offsets = found.get(topic) ?? [];
    offsets[partition] = BigInt(next_offset);
    found.set(topic, offsets);
  }
  return found;
}

/** Locks the checkpoint of a partition until the transaction ends and gives its next offset: the checkpoint rules. */
export async function lockCheckpoint(
  query: Query,
  { projection, version }: Key,
  { topic, partition }: Omit<Position, 'offset'>,
): Promise<bigint> {
  await query('INSERT INTO projection.checkpoints VALUES ($1, $2, $3, $4, 0) ON CONFLICT DO NOTHING', [
    projection,
    version,
    topic,
    partition,
  ]);
  const [row] = await query<{ next_offset: string }>(
    'SELECT next_offset FROM projection.checkpoints WHERE projection = $1 AND version = $2 AND topic = $3 AND partition = $4 FOR UPDATE',
    [projection, version, topic, partition],
  );
  return BigInt(row?.next_offset ?? 0);
}

export async function moveCheckpoint(query: Query, { projection, version }: Key, next: Position): Promise<void> {
  await query(
    'UPDATE projection.checkpoints SET next_offset = $5 WHERE projection = $1 AND version = $2 AND topic = $3 AND partition = $4',
    [projection, version, next.topic, next.partition, String(next.offset)],
  );
}
