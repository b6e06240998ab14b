import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The table that every record of every context becomes a row of. */
export class CreateAuditRecords1763949600000 implements MigrationInterface {
  readonly name = 'CreateAuditRecords1763949600000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE projection.audit_records (
        id                 text PRIMARY KEY,
        time               timestamptz NOT NULL,
        type               text NOT NULL,
        outcome            text NOT NULL,
        actor              text NOT NULL,
        application_id     uuid,
        client_id          text,
        user_id            text,
        patient            text,
        patients           text[],
        interaction        text,
        resource           text,
        scope              text,
        approval_version   integer,
        status             integer,
        reason             text,
        purposes           text[],
        token_id           text,
        call_id            text,
        enforcement_point  text,
        client_address     text,
        user_agent         text,
        correlation_id     text NOT NULL,
        log_topic          text NOT NULL,
        log_partition      integer NOT NULL,
        log_offset         bigint NOT NULL,
        sequence           bigint NOT NULL,
        run                text,
        detail             jsonb NOT NULL
      )`);
    for (const [name, columns] of Object.entries({
      time: '(time, id)',
      application: '(application_id, type, time, id)',
      client: '(client_id, time, id)',
      user: '(user_id, time, id) WHERE user_id IS NOT NULL',
      patient: '(patient, time, id) WHERE patient IS NOT NULL',
      patients: 'USING gin (patients)',
      actor: '(actor, time, id)',
      call: '(call_id) WHERE call_id IS NOT NULL',
      token: '(token_id) WHERE token_id IS NOT NULL',
      correlation: '(correlation_id)',
      position: '(log_topic, log_partition, log_offset)',
    })) {
      await runner.query(`CREATE INDEX audit_records_by_${name} ON projection.audit_records ${columns}`);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE projection.audit_records');
  }
}
