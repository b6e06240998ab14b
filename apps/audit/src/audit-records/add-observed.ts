import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What enforcement would have made of a call in observe mode. */
export class AddObserved1763950200000 implements MigrationInterface {
  readonly name = 'AddObserved1763950200000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE projection.audit_records ADD COLUMN observed text');
    await runner.query(
      'CREATE INDEX audit_records_by_observed ON projection.audit_records (observed, time, id) WHERE observed IS NOT NULL',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE projection.audit_records DROP COLUMN observed');
  }
}
