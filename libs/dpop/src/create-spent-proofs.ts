import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Proofs of possession that were used, by digest, and since when they are remembered. */
export class CreateSpentProofs1763942400031 implements MigrationInterface {
  readonly name = 'CreateSpentProofs1763942400031';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE protocol.spent_proofs (
        digest      bytea PRIMARY KEY,
        expires_at  timestamptz NOT NULL
      )`);
    await runner.query('CREATE INDEX spent_proofs_by_expiry ON protocol.spent_proofs (expires_at)');
    await runner.query('CREATE TABLE protocol.proofs_since (since timestamptz NOT NULL)');
    await runner.query('INSERT INTO protocol.proofs_since VALUES (now())');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE protocol.spent_proofs, protocol.proofs_since');
  }
}
