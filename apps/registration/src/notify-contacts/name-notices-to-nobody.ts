import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A notice whose contacts are not in the vault any more ends otherwise than one that was delivered. */
export class NameNoticesToNobody1764284400006 implements MigrationInterface {
  readonly name = 'NameNoticesToNobody1764284400006';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE protocol.notice_deliveries
        DROP CONSTRAINT notice_deliveries_ended_check,
        ADD CONSTRAINT notice_deliveries_ended_check CHECK (ended IN ('delivered', 'given-up', 'no-recipient'))`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query("UPDATE protocol.notice_deliveries SET ended = 'given-up' WHERE ended = 'no-recipient'");
    await runner.query(`
      ALTER TABLE protocol.notice_deliveries
        DROP CONSTRAINT notice_deliveries_ended_check,
        ADD CONSTRAINT notice_deliveries_ended_check CHECK (ended IN ('delivered', 'given-up'))`);
  }
}
