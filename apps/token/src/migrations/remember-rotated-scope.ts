import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What the rotation of a refresh token brought, space-separated: a retry gets no more. */
export class RememberRotatedScope1764316800044 implements MigrationInterface {
  readonly name = 'RememberRotatedScope1764316800044';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE protocol.refresh_tokens ADD COLUMN successor_scope text');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE protocol.refresh_tokens DROP COLUMN successor_scope');
  }
}
