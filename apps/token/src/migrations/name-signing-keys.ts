import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Keys for several purposes, each with generations of its own. */
export class NameSigningKeys1763942400012 implements MigrationInterface {
  readonly name = 'NameSigningKeys1763942400012';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE vault.signing_keys ADD COLUMN purpose text NOT NULL DEFAULT 'access-token'`);
    await runner.query('ALTER TABLE vault.signing_keys ALTER COLUMN purpose DROP DEFAULT');
    await runner.query('ALTER TABLE vault.signing_keys DROP CONSTRAINT signing_keys_pkey');
    await runner.query('ALTER TABLE vault.signing_keys ADD PRIMARY KEY (purpose, generation)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DELETE FROM vault.signing_keys WHERE purpose <> 'access-token'`);
    await runner.query('ALTER TABLE vault.signing_keys DROP CONSTRAINT signing_keys_pkey');
    await runner.query('ALTER TABLE vault.signing_keys DROP COLUMN purpose');
    await runner.query('ALTER TABLE vault.signing_keys ADD PRIMARY KEY (generation)');
  }
}
