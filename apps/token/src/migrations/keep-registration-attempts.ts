import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Registrations that were begun with an initial access token and not answered yet (docs/adr/0020): the token's digest, a keyed
 * digest of what was declared, and how often an answer was begun. None of the columns has anything that could be presented.
 */
export class KeepRegistrationAttempts1764280800041 implements MigrationInterface {
  readonly name = 'KeepRegistrationAttempts1764280800041';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE protocol.client_registrations
        ADD COLUMN initial           bytea,
        ADD COLUMN declared          bytea,
        ADD COLUMN attempt           integer NOT NULL DEFAULT 1,
        ADD COLUMN unanswered_since  timestamptz`);
    await runner.query(`
      CREATE INDEX client_registrations_unanswered ON protocol.client_registrations (initial)
      WHERE unanswered_since IS NOT NULL`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE protocol.client_registrations
        DROP COLUMN initial, DROP COLUMN declared, DROP COLUMN attempt, DROP COLUMN unanswered_since`);
  }
}
