import { ContextWriter, type LogSettings, ProjectionRunner, SharedReadings } from '#event-log';
import { counterDecider } from './counter.js';
import { countersProjection, PoolStore } from './counter-projection.js';

/**
 * A process that writes the counter context and keeps its projection: fault tests kill it, stop it and wake it.
 * KAFKA_BROKERS, PREFIX and DATABASE_URL say where; SIGTERM lets it leave in order.
 */
const { KAFKA_BROKERS, PREFIX, DATABASE_URL } = process.env;
if (KAFKA_BROKERS === undefined || PREFIX === undefined || DATABASE_URL === undefined)
  throw new Error('KAFKA_BROKERS, PREFIX and DATABASE_URL are needed');

const say = (fields: object, message: string): void => {
  if (process.env['SAY'] !== undefined) process.stderr.write(`${JSON.stringify({ ...fields, message })}\n`);
};
const fail = (error: unknown): void => {
  process.stderr.write(`the process failed: ${String(error)}\n`);
  process.exit(1);
};
const settings: LogSettings = {
  brokers: KAFKA_BROKERS.split(','),
  clientId: 'counter-writer',
  prefix: PREFIX,
  sink: { debug: () => undefined, info: say, warn: say, error: say },
};
const store = new PoolStore(DATABASE_URL);
const writer = new ContextWriter(settings, counterDecider, fail);
const projection = new ProjectionRunner(settings, countersProjection, store, fail, new SharedReadings());
process.once('SIGTERM', () => {
  void Promise.all([writer.close(), projection.close()])
    .then(() => store.close())
    .then(() => process.exit(0), fail);
});
process.stdout.write('started\n');
await Promise.all([writer.start(), projection.start()]);
