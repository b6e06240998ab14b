import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What contacts are to be told: derived from the log, as every projection is. */
export class CreateNotices1763948400002 implements MigrationInterface {
  readonly name = 'CreateNotices1763948400002';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE projection.application_notices (
        id      text PRIMARY KEY,
        time    timestamptz NOT NULL,
        notice  jsonb NOT NULL
      )`);
    await runner.query('CREATE INDEX application_notices_by_time ON projection.application_notices (time)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE projection.application_notices');
  }
}
