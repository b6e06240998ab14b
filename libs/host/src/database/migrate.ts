import { AbstractLogger, DataSource, type DataSourceOptions } from 'typeorm';
import type { Log } from '../logging/log.js';
import { schemaNames, type MigrationClass, type SchemaName } from './database-schemas.js';

/** One number for the advisory lock that all instances of Gatehouse take to migrate: 'gate' in ASCII. */
const migrationLock = 0x67617465;

/**
 * Makes the schemas and runs what is pending of each, one instance at a time (an advisory lock). Each schema
 * holds its own history in `<schema>.migrations`, so that dropping a schema forgets its history as well.
 */
export async function migrate(
  dataSource: DataSource,
  migrations: Record<SchemaName, readonly MigrationClass[]>,
  log: Log,
): Promise<void> {
  const runner = dataSource.createQueryRunner();
  try {
    await runner.query('SET statement_timeout = 0');
    await runner.query('SELECT pg_advisory_lock($1)', [migrationLock]);
    for (const schema of schemaNames) {
      await runner.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
      await migrateSchema(dataSource.options, schema, migrations[schema], log);
    }
  } finally {
    // The lock and the timeout belong to the session: a released connection may not keep them.
    await runner
      .query('SELECT pg_advisory_unlock_all()')
      .catch((error: unknown) => log.warn('the migration lock was not released by itself', error));
    await runner
      .query('RESET statement_timeout')
      .catch((error: unknown) => log.warn('the session was not reset', error));
    await runner.release();
  }
}

/** TypeORM would print failures on the console; they are thrown, and logged once. */
class Quiet extends AbstractLogger {
  protected override writeLog(): void {
    return;
  }
}

async function migrateSchema(
  options: DataSourceOptions,
  schema: SchemaName,
  migrations: readonly MigrationClass[],
  log: Log,
): Promise<void> {
  if (options.type !== 'postgres' || migrations.length === 0) return;
  const source = new DataSource({
    ...options,
    schema,
    entities: [],
    migrations: [...migrations],
    migrationsTableName: 'migrations',
    poolSize: 2,
    extra: {},
    logger: new Quiet(),
  });
  await source.initialize();
  try {
    for (const { name } of await source.runMigrations({ transaction: 'each' }))
      log.info('migrated', { schema, migration: name });
  } finally {
    await source.destroy();
  }
}
