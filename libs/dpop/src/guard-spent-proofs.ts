import type { MigrationInterface, QueryRunner } from 'typeorm';
import { forgetItself, rememberItself } from './replay-memory.js';

/** Lets the memory of spent proofs know when it was restored (docs/adr/0037). */
export class GuardSpentProofs1764244800036 implements MigrationInterface {
  readonly name = 'GuardSpentProofs1764244800036';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of rememberItself('protocol.proofs_since')) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(forgetItself('protocol.proofs_since'));
  }
}
