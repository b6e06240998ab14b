import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Campaigns with their items, and what is known of every access that a campaign may ask about. */
export class CreateReview1763949700000 implements MigrationInterface {
  readonly name = 'CreateReview1763949700000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE projection.campaigns (
        id           uuid PRIMARY KEY,
        version      integer NOT NULL,
        name         text NOT NULL,
        status       text NOT NULL,
        due_at       timestamptz NOT NULL,
        include      jsonb NOT NULL,
        on_silence   text NOT NULL,
        population   integer NOT NULL,
        opened_at    timestamptz NOT NULL,
        opened_by    text NOT NULL,
        reminded_at  timestamptz,
        closed_at    timestamptz,
        closed_by    text,
        close_reason text
      )`);
    await runner.query('CREATE INDEX campaigns_by_opening ON projection.campaigns (opened_at, id)');
    await runner.query(`
      CREATE TABLE projection.campaign_items (
        id               uuid PRIMARY KEY,
        campaign_id      uuid NOT NULL,
        application_id   uuid NOT NULL,
        application_name text NOT NULL,
        owner_id         text NOT NULL,
        scopes           text[] NOT NULL,
        evidence         jsonb NOT NULL,
        recommendation   text NOT NULL,
        decision         text,
        decision_scopes  text[],
        reason           text,
        by_silence       boolean,
        decided_by       text,
        decided_at       timestamptz
      )`);
    await runner.query('CREATE INDEX campaign_items_by_campaign ON projection.campaign_items (campaign_id, id)');
    await runner.query(`
      CREATE TABLE projection.review_access (
        application_id   uuid PRIMARY KEY,
        owner_id         text,
        closed           text,
        asked_name       text,
        asked_kind       text,
        name             text,
        kind             text,
        scopes           text[],
        approval_version integer,
        expires_at       timestamptz,
        approved_at      timestamptz
      )`);
    await runner.query(`
      CREATE TABLE projection.review_access_use (
        application_id uuid,
        day            date,
        tokens         bigint NOT NULL,
        allowed        bigint NOT NULL,
        denied         bigint NOT NULL,
        last_used_at   timestamptz,
        PRIMARY KEY (application_id, day)
      )`);
    await runner.query(`
      CREATE TABLE projection.review_access_scopes (
        application_id uuid,
        scope          text,
        last_used_at   timestamptz NOT NULL,
        PRIMARY KEY (application_id, scope)
      )`);
    await runner.query(`
      CREATE TABLE projection.review_activity_numbers (
        run       text,
        partition integer,
        next      bigint NOT NULL,
        PRIMARY KEY (run, partition)
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of [
      'campaigns',
      'campaign_items',
      'review_access',
      'review_access_use',
      'review_access_scopes',
      'review_activity_numbers',
    ]) {
      await runner.query(`DROP TABLE projection.${table}`);
    }
  }
}
