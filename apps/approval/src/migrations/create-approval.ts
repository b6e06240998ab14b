import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The tables of the approval projection. */
export class CreateApproval1763942400010 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE projection.approval_applications (
        application_id uuid PRIMARY KEY,
        owner_id text,
        state jsonb,
        approval_version integer,
        expires_at timestamptz
      );
      CREATE INDEX ON projection.approval_applications (expires_at) WHERE expires_at IS NOT NULL;
      CREATE TABLE projection.approval_reviews (
        id uuid PRIMARY KEY,
        application_id uuid NOT NULL,
        status text NOT NULL,
        due_at timestamptz NOT NULL,
        breached boolean NOT NULL,
        view jsonb NOT NULL,
        declared jsonb
      );
      CREATE INDEX ON projection.approval_reviews (due_at, id);
      CREATE INDEX ON projection.approval_reviews (application_id);
      CREATE TABLE projection.approval_history (
        application_id uuid NOT NULL,
        version integer NOT NULL,
        time timestamptz NOT NULL,
        type text NOT NULL,
        actor text NOT NULL,
        data jsonb NOT NULL,
        PRIMARY KEY (application_id, version)
      );
      CREATE TABLE projection.approval_policies (
        version integer PRIMARY KEY,
        policy jsonb NOT NULL,
        actor text NOT NULL,
        time timestamptz NOT NULL
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE projection.approval_applications, projection.approval_reviews,
                 projection.approval_history, projection.approval_policies
    `);
  }
}
