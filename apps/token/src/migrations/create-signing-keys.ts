import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which key signs access tokens; the private key itself is sealed by the vault. */
export class CreateSigningKeys1763942400005 implements MigrationInterface {
  readonly name = 'CreateSigningKeys1763942400005';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE vault.signing_keys (
        generation  integer PRIMARY KEY,
        sealed      uuid NOT NULL,
        created_at  timestamptz NOT NULL DEFAULT now()
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE vault.signing_keys');
  }
}
