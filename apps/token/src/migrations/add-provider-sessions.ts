import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The session at the provider that a session here began in: SHA-256 of its `sid`. */
export class AddProviderSessions1763942400030 implements MigrationInterface {
  readonly name = 'AddProviderSessions1763942400030';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE protocol.sessions ADD COLUMN provider_session bytea');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE protocol.sessions DROP COLUMN provider_session');
  }
}
