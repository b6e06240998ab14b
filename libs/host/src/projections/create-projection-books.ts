import { projectionBooks } from '#event-log';
import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Checkpoints of projections, and their rebuilds. */
export class CreateProjectionBooks1764201600000 implements MigrationInterface {
  readonly name = 'CreateProjectionBooks1764201600000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of projectionBooks) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE projection.rebuilds, projection.checkpoints');
  }
}
