import { forgetItself, rememberItself } from '#dpop';
import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Lets the memory of spent assertions know when it was restored (docs/adr/0037). */
export class GuardSpentAssertions1764244800037 implements MigrationInterface {
  readonly name = 'GuardSpentAssertions1764244800037';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of rememberItself('protocol.replay_guard')) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(forgetItself('protocol.replay_guard'));
  }
}
