import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Applications as they stand now, and their histories. */
export class CreateApplications1763948400000 implements MigrationInterface {
  readonly name = 'CreateApplications1763948400000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE projection.applications (
        id         uuid PRIMARY KEY,
        owner_id   text NOT NULL,
        client_id  text NOT NULL UNIQUE,
        kind       text NOT NULL,
        status     text NOT NULL,
        version    integer NOT NULL,
        view       jsonb NOT NULL,
        state      jsonb NOT NULL
      )`);
    await runner.query('CREATE INDEX applications_by_owner ON projection.applications (owner_id, id)');
    await runner.query('CREATE INDEX applications_by_status ON projection.applications (status, id)');
    await runner.query(`
      CREATE TABLE projection.application_history (
        application_id  uuid NOT NULL,
        version         integer NOT NULL,
        id              text NOT NULL,
        type            text NOT NULL,
        time            timestamptz NOT NULL,
        actor           text NOT NULL,
        correlation_id  text NOT NULL,
        position        text NOT NULL,
        data            jsonb NOT NULL,
        PRIMARY KEY (application_id, version)
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE projection.application_history');
    await runner.query('DROP TABLE projection.applications');
  }
}
