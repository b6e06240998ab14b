import { forgetDatabase, rememberDatabase } from '#dpop';
import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Lets the memory of spent assertions know of which database it is (docs/adr/0037). */
export class NameAssertionsDatabase1764280800043 implements MigrationInterface {
  readonly name = 'NameAssertionsDatabase1764280800043';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of rememberDatabase('protocol.replay_guard')) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(forgetDatabase('protocol.replay_guard'));
  }
}
