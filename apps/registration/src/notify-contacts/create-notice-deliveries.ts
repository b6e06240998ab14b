import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What became of each notice: no rebuild of the projection forgets it, so nothing is sent again by one. */
export class CreateNoticeDeliveries1763948400003 implements MigrationInterface {
  readonly name = 'CreateNoticeDeliveries1763948400003';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE protocol.notice_deliveries (
        notice_id  text PRIMARY KEY,
        attempts   integer NOT NULL,
        next_at    timestamptz NOT NULL,
        reached    text[] NOT NULL DEFAULT '{}',
        ended      text CHECK (ended IN ('delivered', 'given-up'))
      )`);
    await runner.query(
      'CREATE INDEX notice_deliveries_due ON protocol.notice_deliveries (next_at) WHERE ended IS NULL',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE protocol.notice_deliveries');
  }
}
