import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Keys of the vault's own, owners that were erased, and how far erasures have been read from the log. */
export class KeepVaultKeys1764252000000 implements MigrationInterface {
  readonly name = 'KeepVaultKeys1764252000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE vault.system_keys (
        purpose      text PRIMARY KEY,
        wrapped_key  bytea NOT NULL,
        wrapped_by   text NOT NULL,
        created_at   timestamptz NOT NULL DEFAULT now()
      )`);
    await runner.query(`
      CREATE TABLE vault.erasures_read (
        one          boolean PRIMARY KEY DEFAULT true CHECK (one),
        next_offset  bigint NOT NULL
      )`);
    await runner.query(`
      ALTER TABLE vault.owners
        ALTER COLUMN wrapped_key DROP NOT NULL,
        ALTER COLUMN wrapped_by DROP NOT NULL,
        ADD COLUMN erased_at timestamptz,
        ADD CHECK ((erased_at IS NULL) = (wrapped_key IS NOT NULL)),
        ADD CHECK ((wrapped_by IS NULL) = (wrapped_key IS NULL))`);
    await runner.query('CREATE INDEX owners_by_wrapping_key ON vault.owners (wrapped_by, owner)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX vault.owners_by_wrapping_key');
    await runner.query('DELETE FROM vault.owners WHERE erased_at IS NOT NULL');
    await runner.query(`
      ALTER TABLE vault.owners
        DROP COLUMN erased_at,
        ALTER COLUMN wrapped_key SET NOT NULL,
        ALTER COLUMN wrapped_by SET NOT NULL`);
    await runner.query('DROP TABLE vault.erasures_read, vault.system_keys');
  }
}
