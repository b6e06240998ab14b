import type { EntityManager } from 'typeorm';
import type { SnapshotKey, SnapshotStore, StoredSnapshot } from '#event-log';
import { type Database, rowsOf } from '../../database/database.js';

/** A snapshot is never moved back: not by a writer that was replaced, nor by an instance that is behind. */
const SAVE = `INSERT INTO projection.snapshots AS kept (name, partition, version, id, reached, head)
  VALUES ($1, $2, $3, $4, $5::bigint[], $6)
  ON CONFLICT (name, partition, version) DO UPDATE
  SET id = EXCLUDED.id, reached = EXCLUDED.reached, head = EXCLUDED.head, written_at = now()
  WHERE kept.reached <> EXCLUDED.reached
    AND NOT EXISTS (
      SELECT FROM unnest(kept.reached, EXCLUDED.reached) AS place(before, after) WHERE after < before
    )
  RETURNING id`;

/** A release that is rolled back finds the snapshots of the version before; older ones nobody reads. */
const FORGET_OLD = 'DELETE FROM projection.snapshots WHERE name = $1 AND partition = $2 AND version < $3::integer - 1';

/** Parts of what was replaced. Those of a snapshot that is being written are not seen before its head is. */
const FORGET_PARTS = `DELETE FROM projection.snapshot_parts AS part
  WHERE NOT EXISTS (SELECT FROM projection.snapshots AS kept WHERE kept.id = part.snapshot)`;

/** Snapshots in Postgres, each written in one transaction, a part at a time. */
export class PostgresSnapshotStore implements SnapshotStore {
  constructor(private readonly database: Database) {}

  ready(): Promise<void> {
    return this.database.ready();
  }

  async load({ name, partition, version }: SnapshotKey): Promise<StoredSnapshot | undefined> {
    const [row] = await this.database.query<{ id: string; reached: string[]; head: Buffer }>(
      'SELECT id, reached, head FROM projection.snapshots WHERE name = $1 AND partition = $2 AND version = $3',
      [name, partition, version],
    );
    return row && { ...row, reached: row.reached.map(BigInt) };
  }

  async part(id: string, number: number): Promise<Buffer | undefined> {
    const [row] = await this.database.query<{ content: Buffer }>(
      'SELECT content FROM projection.snapshot_parts WHERE snapshot = $1 AND number = $2',
      [id, number],
    );
    return row?.content;
  }

  async save(
    { name, partition, version }: SnapshotKey,
    { id, reached, head }: StoredSnapshot,
    parts: AsyncIterable<Buffer>,
  ): Promise<boolean> {
    return await this.database.transaction(async (manager) => {
      const values = [name, partition, version, id, reached.map(String), head];
      if (rowsOf(await manager.query(SAVE, values)).length === 0) return false;
      await insertParts(manager, id, parts);
      await manager.query(FORGET_OLD, [name, partition, version]);
      await manager.query(FORGET_PARTS);
      return true;
    });
  }

  async discard(id: string): Promise<void> {
    await this.database.transaction(async (manager) => {
      await manager.query('DELETE FROM projection.snapshots WHERE id = $1', [id]);
      await manager.query('DELETE FROM projection.snapshot_parts WHERE snapshot = $1', [id]);
    });
  }
}

async function insertParts(manager: EntityManager, id: string, parts: AsyncIterable<Buffer>): Promise<void> {
  let number = 0;
  for await (const content of parts)
    await manager.query('INSERT INTO projection.snapshot_parts VALUES ($1, $2, $3)', [id, number++, content]);
}
