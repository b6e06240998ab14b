import { startBroker } from '../../scripts/infrastructure/kafka.mjs';
import { startPostgres } from '../../scripts/infrastructure/postgres.mjs';
import { StartError } from '../../scripts/infrastructure/start-error.mjs';
import { environment } from './running.mjs';

/**
 * Jest's global set-up: one real broker and one Postgres for the whole run, whichever projects it has, on free ports;
 * not for what KAFKA_BROKERS or DATABASE_URL already name. Workers inherit both variables. Tests keep apart by
 * `isolate()`.
 */
export default async function setup(): Promise<void> {
  const missing = [
    ...(process.env['KAFKA_BROKERS'] ? [] : [startKafka()]),
    ...(process.env['DATABASE_URL'] ? [] : [startDatabase()]),
  ];
  const failed = (await Promise.allSettled(missing)).find((result) => result.status === 'rejected');
  if (!failed) return;
  await environment.stop();
  // Jest would print the stack of this file; its one line says what to do.
  throw failed.reason instanceof StartError ? failed.reason.message : failed.reason;
}

async function startKafka(): Promise<void> {
  const broker = await startBroker();
  environment.started(broker);
  process.env['KAFKA_BROKERS'] = broker.brokers;
}

async function startDatabase(): Promise<void> {
  const postgres = await startPostgres();
  environment.started(postgres);
  process.env['DATABASE_URL'] = postgres.url;
}
