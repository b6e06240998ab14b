import type { ApartStore, ProjectionStore, Query } from '#event-log';
import type { EntityManager, QueryRunner } from 'typeorm';
import { createDataSource } from '../database/data-source.js';
import { rowsOf, type Database } from '../database/database.js';

/** Besides the one that keeps the lock: batches of two partitions at once, and one to note progress. */
const APART_CONNECTIONS = 4;

/** What keeps projections, on the process's database. */
export function projectionStore(database: Database): ProjectionStore {
  return {
    ready: () => database.ready(),
    transaction: (work) => database.transaction((manager) => work(queryOn(manager))),
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
    transaction: (work) => source.transaction((manager) => work(queryOn(manager))),
    // Ending the pool ends the session, and with it its lock.
    close: async () => {
      await runner.release();
      await source.destroy();
    },
  };
}

function queryOn(connection: Pick<EntityManager, 'query'> | QueryRunner): Query {
  return async <Row>(sql: string, parameters: readonly unknown[] = []) => [
    ...rowsOf<Row & object>(await connection.query(sql, [...parameters])),
  ];
}
