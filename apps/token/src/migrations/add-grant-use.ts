import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Since when a grant stands, and when it last brought a token. */
export class AddGrantUse1763942400013 implements MigrationInterface {
  readonly name = 'AddGrantUse1763942400013';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE protocol.grants ADD COLUMN consented_at timestamptz NOT NULL DEFAULT now()');
    await runner.query('ALTER TABLE protocol.grants ADD COLUMN last_used_at timestamptz');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE protocol.grants DROP COLUMN consented_at, DROP COLUMN last_used_at');
  }
}
