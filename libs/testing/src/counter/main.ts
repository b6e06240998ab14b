import { ContextWriter, type LogSettings } from '#event-log';
import { counterDecider } from './counter.js';

/** A process that only writes: fault tests kill it, stop it and wake it. KAFKA_BROKERS and PREFIX say where. */
const { KAFKA_BROKERS, PREFIX } = process.env;
if (KAFKA_BROKERS === undefined || PREFIX === undefined) throw new Error('KAFKA_BROKERS and PREFIX are needed');

const say = (fields: object, message: string): void => {
  process.stderr.write(`${JSON.stringify({ ...fields, message })}\n`);
};
const settings: LogSettings = {
  brokers: KAFKA_BROKERS.split(','),
  clientId: 'counter-writer',
  prefix: PREFIX,
  sink: { debug: () => undefined, info: say, warn: say, error: say },
};
const writer = new ContextWriter(settings, counterDecider, (error) => {
  say({ error: String(error) }, 'the writer failed');
  process.exit(1);
});
writer.start();
process.stdout.write('started\n');
