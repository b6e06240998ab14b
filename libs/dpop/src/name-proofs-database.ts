import type { MigrationInterface, QueryRunner } from 'typeorm';
import { forgetDatabase, rememberDatabase } from './replay-memory.js';

/** Lets the memory of spent proofs know of which database it is (docs/adr/0037). */
export class NameProofsDatabase1764280800042 implements MigrationInterface {
  readonly name = 'NameProofsDatabase1764280800042';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of rememberDatabase('protocol.proofs_since')) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(forgetDatabase('protocol.proofs_since'));
  }
}
