import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Leaves of trees, many to a row. `audit_tree_nodes` has had a row for each; its column `log_offset` and the index over it are
 * empty once the trees were rebuilt, and stay for instances of the release before.
 */
export class CreateTreeTiles1764288000000 implements MigrationInterface {
  readonly name = 'CreateTreeTiles1764288000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE projection.audit_tree_tiles (
        log_topic      text NOT NULL,
        log_partition  integer NOT NULL,
        tile           bigint NOT NULL,
        first_offset   bigint NOT NULL,
        offsets        bigint[] NOT NULL,
        hashes         bytea NOT NULL,
        PRIMARY KEY (log_topic, log_partition, tile)
      )`);
    await runner.query(`
      CREATE UNIQUE INDEX audit_tree_tiles_by_position
          ON projection.audit_tree_tiles (log_topic, log_partition, first_offset)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE projection.audit_tree_tiles');
  }
}
