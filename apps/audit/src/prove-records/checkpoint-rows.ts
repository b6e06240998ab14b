import type { Database } from '#host';
import { notFound } from '#host';

/** A checkpoint as it is answered. */
export interface AnsweredCheckpoint {
  readonly id: string;
  readonly origin: string;
  readonly topic: string;
  readonly partition: number;
  readonly size: number;
  readonly signedAt: string;
  readonly note: string;
}

export interface CheckpointRow {
  readonly id: string;
  /** With microseconds, so that a cursor names the place exactly. */
  readonly at: string;
  readonly origin: string;
  readonly topic: string;
  readonly partition: number;
  readonly size: string;
  readonly signedAt: Date;
  readonly note: string;
}

export const selectCheckpoints = `
  SELECT c.id, to_char(c.signed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at, c.origin,
         c.log_topic AS topic, c.log_partition AS partition, c.size, c.signed_at AS "signedAt", c.note
    FROM projection.audit_checkpoints c`;

export function checkpointOf({
  id,
  origin,
  topic,
  partition,
  size,
  signedAt,
  note,
}: CheckpointRow): AnsweredCheckpoint {
  return { id, origin, topic, partition, size: Number(size), signedAt: signedAt.toISOString(), note };
}

/** The checkpoint of that id. Throws a 404 problem where there is none. */
export async function readCheckpoint(database: Database, id: string): Promise<AnsweredCheckpoint> {
  const [row] = id.includes('\0')
    ? []
    : await database.query<CheckpointRow>(`${selectCheckpoints} WHERE c.id = $1`, [id]);
  if (row === undefined) throw notFound();
  return checkpointOf(row);
}

/** The newest checkpoint over a leaf; nothing while none has been taken since. */
export async function newestOver(
  database: Database,
  { topic, partition, index }: { readonly topic: string; readonly partition: number; readonly index: number },
): Promise<AnsweredCheckpoint | undefined> {
  const [row] = await database.query<CheckpointRow>(
    `${selectCheckpoints} WHERE c.log_topic = $1 AND c.log_partition = $2 AND c.size > $3
     ORDER BY c.size DESC, c.signed_at DESC LIMIT 1`,
    [topic, partition, index],
  );
  return row && checkpointOf(row);
}
