import { DataSource, type DataSourceOptions } from 'typeorm';
import type { DatabaseConfig } from './database-config.js';
import type { Log } from '../logging/log.js';
import { DatabaseUnavailable, isDatabaseUnavailable } from './database-error.js';

export type EntityClass = new () => object;

/** The process's one pool. Times are in milliseconds. */
export function dataSourceOptions(
  config: DatabaseConfig,
  entities: readonly EntityClass[],
  service: string,
  log: Log,
): DataSourceOptions {
  const ssl = config.ssl();
  return {
    type: 'postgres',
    url: config.url,
    ...(ssl === undefined ? {} : { ssl }),
    applicationName: `gatehouse-${service}`,
    entities: [...entities],
    synchronize: false,
    logging: false,
    installExtensions: false,
    connectTimeoutMS: 3_000,
    poolSize: config.pool,
    poolErrorHandler: (error: unknown) => log.warn('a connection to the database was lost', error),
    extra: {
      statement_timeout: 30_000,
      idle_in_transaction_session_timeout: 60_000,
      idleTimeoutMillis: 30_000,
      keepAlive: true,
    },
  };
}

/** A DataSource, not yet connected, whose failures to get a connection are `DatabaseUnavailable` for repositories too. */
export function createDataSource(options: DataSourceOptions): DataSource {
  const source = new DataSource(options);
  const { driver } = source;
  if (!('obtainMasterConnection' in driver) || typeof driver.obtainMasterConnection !== 'function') return source;
  const obtain = driver.obtainMasterConnection.bind(driver);
  driver.obtainMasterConnection = async () => {
    try {
      const connection: unknown = await obtain();
      return connection;
    } catch (error) {
      throw isDatabaseUnavailable(error) ? new DatabaseUnavailable({ cause: error }) : error;
    }
  };
  return source;
}
