import type { ApartStore, ProjectionStore, Query, Work } from '#event-log';
import { Client } from 'pg';
import type { EntityManager, QueryRunner } from 'typeorm';
import { copyOn } from '../database/copy-rows.js';
import { createDataSource } from '../database/data-source.js';
import { rowsOf, type Database } from '../database/database.js';

/** Besides the one that keeps the lock: batches of two partitions at once, and one to note progress. */
const APART_CONNECTIONS = 4;

/** What keeps projections, on the process's database. */
export function projectionStore(database: Database): ProjectionStore {
  return {
    ready: () => database.ready(),
    transaction: (work) => database.transaction((manager) => inTransaction(manager, work)),
    apart: () => apartFrom(database),
  };
}

async function apartFrom(database: Database): Promise<ApartStore> {
  const { options } = database.dataSource;
  if (options.type !== 'postgres') throw new Error('projections are kept in Postgres');
  const source = createDataSource({
    ...options,
    entities: [],
    poolSize: APART_CONNECTIONS,
    applicationName: 'gatehouse-rebuild',
    extra: { keepAlive: true },
  });
  await source.initialize();
  const runner = source.createQueryRunner();
  return {
    session: queryOn(runner),
    transaction: (work) => source.transaction((manager) => inTransaction(manager, work)),
    // Ending the pool ends the session, and with it its lock.
    close: async () => {
      await runner.release();
      await source.destroy();
    },
  };
}

function inTransaction<T>(manager: EntityManager, work: Work<T>): Promise<T> {
  const query = queryOn(manager);
  return work(
    query,
    copyOn(async () => {
      // TypeORM does not say what it connects with; for Postgres it is pg's client.
      const connection: unknown = await manager.queryRunner?.connect();
      if (!(connection instanceof Client)) throw new Error('a transaction of Postgres has a connection of pg');
      return connection;
    }, query),
  );
}

function queryOn(connection: Pick<EntityManager, 'query'> | QueryRunner): Query {
  return async <Row>(sql: string, parameters: readonly unknown[] = []) => [
    ...rowsOf<Row & object>(await connection.query(sql, [...parameters])),
  ];
}
