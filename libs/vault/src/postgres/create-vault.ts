import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The tables of the vault. No column holds personal data in the clear: digests, wrapped keys and boxes alone. */
export class CreateVault1763942400000 implements MigrationInterface {
  readonly name = 'CreateVault1763942400000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE vault.owners (
        owner        bytea PRIMARY KEY,
        wrapped_key  bytea NOT NULL,
        wrapped_by   text NOT NULL,
        created_at   timestamptz NOT NULL DEFAULT now()
      )`);
    await runner.query(`
      CREATE TABLE vault.subjects (
        id           uuid PRIMARY KEY,
        identity     bytea NOT NULL UNIQUE,
        box          bytea NOT NULL,
        created_at   timestamptz NOT NULL DEFAULT now()
      )`);
    await runner.query(`
      CREATE TABLE vault.sealed (
        reference    uuid PRIMARY KEY,
        owner        bytea NOT NULL REFERENCES vault.owners ON DELETE CASCADE,
        box          bytea NOT NULL,
        created_at   timestamptz NOT NULL DEFAULT now()
      )`);
    await runner.query('CREATE INDEX sealed_by_owner ON vault.sealed (owner)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE vault.sealed, vault.subjects, vault.owners');
  }
}
