import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Tokens by which clients register and manage what they registered, as SHA-256 alone. */
export class CreateClientRegistrations1763942400033 implements MigrationInterface {
  readonly name = 'CreateClientRegistrations1763942400033';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE protocol.initial_access_tokens (
        digest      bytea PRIMARY KEY,
        owner_id    text NOT NULL,
        issued_by   text NOT NULL,
        uses_left   integer NOT NULL,
        expires_at  timestamptz NOT NULL
      )`);
    await runner.query(`
      CREATE TABLE protocol.client_registrations (
        client_id       text PRIMARY KEY,
        application_id  uuid NOT NULL,
        owner_id        text NOT NULL,
        unclaimed       boolean NOT NULL,
        digest          bytea NOT NULL,
        previous        bytea,
        created_at      timestamptz NOT NULL DEFAULT now()
      )`);
    await runner.query(
      'CREATE INDEX client_registrations_unclaimed ON protocol.client_registrations (created_at) WHERE unclaimed',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE protocol.client_registrations, protocol.initial_access_tokens');
  }
}
