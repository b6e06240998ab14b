import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What people and their applications leave while they are signed in: requests under way, codes, launches, sessions,
 * grants and refresh tokens. Every credential stands here as its SHA-256 alone.
 */
export class CreateAuthorization1763942400011 implements MigrationInterface {
  readonly name = 'CreateAuthorization1763942400011';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE protocol.provider_records (
        model        text NOT NULL,
        digest       bytea NOT NULL,
        payload      jsonb NOT NULL,
        consumed_at  timestamptz,
        expires_at   timestamptz NOT NULL,
        PRIMARY KEY (model, digest)
      )`);
    await runner.query(`
      CREATE TABLE protocol.sign_ins (
        state       bytea PRIMARY KEY,
        browser     bytea NOT NULL,
        verifier    text NOT NULL,
        nonce       text NOT NULL,
        return_to   text NOT NULL,
        expires_at  timestamptz NOT NULL
      )`);
    await runner.query(`
      CREATE TABLE protocol.sessions (
        digest      bytea PRIMARY KEY,
        user_id     text NOT NULL,
        fhir_user   text,
        csrf        text NOT NULL,
        signed_in   timestamptz NOT NULL,
        expires_at  timestamptz NOT NULL
      )`);
    await runner.query(`
      CREATE TABLE protocol.choices (
        interaction  bytea PRIMARY KEY,
        patient      text,
        encounter    text,
        asked_again  timestamptz,
        expires_at   timestamptz NOT NULL
      )`);
    await runner.query(`
      CREATE TABLE protocol.launches (
        digest      bytea PRIMARY KEY,
        client_id   text NOT NULL,
        user_name   text NOT NULL,
        context     jsonb NOT NULL,
        spent_at    timestamptz,
        expires_at  timestamptz NOT NULL
      )`);
    await runner.query(`
      CREATE TABLE protocol.grants (
        grant_id        uuid PRIMARY KEY,
        application_id  uuid NOT NULL,
        client_id       text NOT NULL,
        user_id         text NOT NULL,
        scopes          jsonb NOT NULL,
        duration        text NOT NULL,
        context         jsonb NOT NULL,
        session         bytea,
        ended_at        timestamptz,
        expires_at      timestamptz NOT NULL
      )`);
    await runner.query(`
      CREATE TABLE protocol.refresh_tokens (
        digest         bytea PRIMARY KEY,
        grant_id       uuid NOT NULL REFERENCES protocol.grants ON DELETE CASCADE,
        predecessor    bytea,
        key_thumbprint text,
        rotated_at     timestamptz,
        successor      bytea,
        expires_at     timestamptz NOT NULL
      )`);
    for (const table of ['provider_records', 'sign_ins', 'sessions', 'choices', 'launches', 'grants', 'refresh_tokens'])
      await runner.query(`CREATE INDEX ${table}_by_expiry ON protocol.${table} (expires_at)`);
    await runner.query('CREATE INDEX refresh_tokens_by_grant ON protocol.refresh_tokens (grant_id)');
    await runner.query('CREATE INDEX grants_by_user ON protocol.grants (user_id)');
    await runner.query('CREATE INDEX sessions_by_user ON protocol.sessions (user_id)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE protocol.refresh_tokens, protocol.grants, protocol.launches, protocol.choices,
      protocol.sessions, protocol.sign_ins, protocol.provider_records`);
  }
}
