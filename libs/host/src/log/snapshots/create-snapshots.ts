import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Snapshots of what is folded in memory: disposable, like everything else in this schema (docs/adr/0005). */
export class CreateSnapshots1763942400010 implements MigrationInterface {
  readonly name = 'CreateSnapshots1763942400010';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE projection.snapshots (
      name text NOT NULL,
      partition integer NOT NULL,
      version integer NOT NULL,
      id uuid NOT NULL UNIQUE,
      reached bigint[] NOT NULL,
      head bytea NOT NULL,
      written_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (name, partition, version)
    )`);
    await runner.query(`CREATE TABLE projection.snapshot_parts (
      snapshot uuid NOT NULL,
      number integer NOT NULL,
      content bytea NOT NULL,
      PRIMARY KEY (snapshot, number)
    )`);
    // Packed already: compressing it again would cost more than it saves.
    await runner.query('ALTER TABLE projection.snapshot_parts ALTER COLUMN content SET STORAGE EXTERNAL');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE projection.snapshot_parts');
    await runner.query('DROP TABLE projection.snapshots');
  }
}
