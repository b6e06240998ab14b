import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The signed checkpoints, as their topic has them. */
export class CreateAuditCheckpoints1763949900001 implements MigrationInterface {
  readonly name = 'CreateAuditCheckpoints1763949900001';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE projection.audit_checkpoints (
        id             text PRIMARY KEY,
        origin         text NOT NULL,
        log_topic      text NOT NULL,
        log_partition  integer NOT NULL,
        size           bigint NOT NULL,
        note           text NOT NULL,
        signed_at      timestamptz NOT NULL
      )`);
    await runner.query(`
      CREATE INDEX audit_checkpoints_by_partition
          ON projection.audit_checkpoints (log_topic, log_partition, size)`);
    await runner.query(`CREATE INDEX audit_checkpoints_by_time ON projection.audit_checkpoints (signed_at, id)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE projection.audit_checkpoints');
  }
}
