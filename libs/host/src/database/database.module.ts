import { Module, type DynamicModule } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DataSource, EntityMetadataNotFoundError, QueryFailedError } from 'typeorm';
import { HealthRegistry } from '../health/health-registry.js';
import { Log } from '../logging/log.js';
import { ErrorTranslators } from '../problem/error-translators.js';
import { unavailable } from '../problem/problem-exception.js';
import { FatalErrors } from '../service/fatal-errors.js';
import { createDataSource, dataSourceOptions, type EntityClass } from './data-source.js';
import { Database } from './database.js';
import { DatabaseConfig } from './database-config.js';
import { DatabaseUnavailable, isDatabaseUnavailable } from './database-error.js';
import type { MigrationClass, SchemaName } from './database-schemas.js';

/**
 * One DataSource for the whole process: of one app, or of all of them in the one process. Entities and
 * migrations come from the parts that make up the service; modules then use `TypeOrmModule.forFeature` or
 * inject `Database`.
 */
@Module({})
export class DatabaseModule {
  static of(
    service: string,
    entities: readonly EntityClass[],
    migrations: Record<SchemaName, readonly MigrationClass[]>,
  ): DynamicModule {
    return {
      module: DatabaseModule,
      global: true,
      imports: [
        TypeOrmModule.forRootAsync({
          inject: [DatabaseConfig, Log],
          useFactory: (config: DatabaseConfig, log: Log) => ({
            ...dataSourceOptions(config, entities, service, log.for('database')),
            manualInitialization: true,
          }),
          dataSourceFactory: (options) => {
            if (options === undefined) throw new Error('the database has no options');
            return Promise.resolve(createDataSource(options));
          },
        }),
      ],
      providers: [
        {
          provide: Database,
          inject: [DataSource, Log, HealthRegistry, FatalErrors, ErrorTranslators],
          useFactory: (
            source: DataSource,
            log: Log,
            health: HealthRegistry,
            fatal: FatalErrors,
            translators: ErrorTranslators,
          ) => {
            translators.add((error) =>
              saysUnavailable(error, source) ? unavailable('The database cannot be asked now.', 2, error) : undefined,
            );
            return new Database(source, migrations, log.for('database'), health, fatal);
          },
        },
      ],
      exports: [Database],
    };
  }
}

/** Errors of the database alone: another library's ECONNREFUSED is not about Postgres. */
function saysUnavailable(error: unknown, source: DataSource): boolean {
  if (error instanceof DatabaseUnavailable) return true;
  if (error instanceof QueryFailedError) return isDatabaseUnavailable(error);
  return error instanceof EntityMetadataNotFoundError && !source.isInitialized;
}
