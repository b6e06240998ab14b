import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What was called under which scopes, added up by day: what a narrower approval is tried on. */
export class CreateAccessCalls1763949700001 implements MigrationInterface {
  readonly name = 'CreateAccessCalls1763949700001';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE projection.review_access_calls (
        application_id uuid,
        day            date,
        interaction    text,
        resource_type  text,
        scope          text,
        calls          bigint NOT NULL,
        last_used_at   timestamptz NOT NULL,
        PRIMARY KEY (application_id, day, interaction, resource_type, scope)
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE projection.review_access_calls');
  }
}
