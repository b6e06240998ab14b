import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Spent assertions, and since when they are remembered. */
export class CreateTokenProtocol1763942400004 implements MigrationInterface {
  readonly name = 'CreateTokenProtocol1763942400004';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE protocol.spent_assertions (
        digest      bytea PRIMARY KEY,
        expires_at  timestamptz NOT NULL
      )`);
    await runner.query('CREATE INDEX spent_assertions_by_expiry ON protocol.spent_assertions (expires_at)');
    await runner.query('CREATE TABLE protocol.replay_guard (since timestamptz NOT NULL)');
    await runner.query('INSERT INTO protocol.replay_guard (since) VALUES (now())');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE protocol.spent_assertions, protocol.replay_guard');
  }
}
