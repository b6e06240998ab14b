import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which key signs checkpoints; the private key itself is sealed by the vault. */
export class CreateCheckpointKeys1763949900000 implements MigrationInterface {
  readonly name = 'CreateCheckpointKeys1763949900000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE vault.checkpoint_keys (
        generation  integer PRIMARY KEY,
        sealed      uuid NOT NULL,
        public_key  text NOT NULL,
        created_at  timestamptz NOT NULL DEFAULT now()
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE vault.checkpoint_keys');
  }
}
