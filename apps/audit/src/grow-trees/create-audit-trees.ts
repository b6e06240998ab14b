import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The trees over the log, and what the numbers of runs show to be missing. */
export class CreateAuditTrees1763949800000 implements MigrationInterface {
  readonly name = 'CreateAuditTrees1763949800000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE projection.audit_trees (
        log_topic      text NOT NULL,
        log_partition  integer NOT NULL,
        size           bigint NOT NULL,
        edge           bytea NOT NULL,
        PRIMARY KEY (log_topic, log_partition)
      )`);
    await runner.query(`
      CREATE TABLE projection.audit_tree_nodes (
        log_topic      text NOT NULL,
        log_partition  integer NOT NULL,
        level          smallint NOT NULL,
        index          bigint NOT NULL,
        hash           bytea NOT NULL,
        log_offset     bigint,
        PRIMARY KEY (log_topic, log_partition, level, index)
      )`);
    await runner.query(`
      CREATE UNIQUE INDEX audit_tree_nodes_by_position
          ON projection.audit_tree_nodes (log_topic, log_partition, log_offset) WHERE level = 0`);
    await runner.query(`
      CREATE TABLE projection.audit_runs (
        run            text NOT NULL,
        log_partition  integer NOT NULL,
        next           bigint NOT NULL,
        PRIMARY KEY (run, log_partition)
      )`);
    await runner.query(`
      CREATE TABLE projection.audit_gaps (
        run            text NOT NULL,
        log_partition  integer NOT NULL,
        first_missing  bigint NOT NULL,
        last_missing   bigint NOT NULL,
        log_offset     bigint NOT NULL,
        PRIMARY KEY (run, log_partition, first_missing)
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['audit_trees', 'audit_tree_nodes', 'audit_runs', 'audit_gaps'])
      await runner.query(`DROP TABLE projection.${table}`);
  }
}
