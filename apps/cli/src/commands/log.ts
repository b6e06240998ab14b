import { type Command, InvalidArgumentError, Option } from 'commander';
import type { GatehouseApi } from '../api/gatehouse-api.js';
import { fieldOf } from '../output/field-of.js';
import { type Column, table } from '../output/table.js';
import type { LogSource, Place } from '../inspect/log-source.js';
import { addAcls } from './acls.js';
import { apiOf, optionsOf } from './context.js';

interface InspectOptions {
  readonly limit: number;
  readonly brokers?: string;
  readonly prefix: string;
}

const TOPICS: readonly Column[] = [
  ['TOPIC', 'topic'],
  ['PARTITION', 'partition'],
  ['START', 'start'],
  ['END', 'end'],
];

/** `gatehouse log …`: the log itself. */
export function addLog(program: Command): void {
  const log = program.command('log').description('the log itself');
  addAcls(log);
  log
    .command('inspect')
    .argument('[position]', 'a record: topic:partition:offset, as Gatehouse-Position names it', placeIn)
    .description('topics, partitions and their ends; or records as they stand, by position')
    .option('--limit <number>', 'how many records to show, from 1 to 200', wholeNumber, 1)
    .addOption(
      new Option(
        '--brokers <list>',
        'ask these brokers, and no Gatehouse; by the settings KAFKA_TLS… and KAFKA_SASL…',
      ).env('KAFKA_BROKERS'),
    )
    .addOption(new Option('--prefix <text>', 'what stands before topics there').env('KAFKA_TOPIC_PREFIX').default(''))
    .action(async (place: Place | undefined, _: object, command: Command) => {
      const { brokers, prefix, limit, json } = optionsOf<InspectOptions>(command);
      // What reads Kafka is loaded by those who name brokers.
      const source =
        brokers === undefined
          ? overRest(apiOf(command))
          : (await import('../inspect/brokers.js')).atBrokers(brokers, prefix, process.env);
      const items = place === undefined ? await source.topics() : await source.records(place, limit);
      if (json === true || place !== undefined) console.log(JSON.stringify({ items }, undefined, 2));
      else console.log(table(TOPICS, items.flatMap(rowsOf)));
    });
}

function overRest(api: GatehouseApi): LogSource {
  const items = (page: unknown): readonly unknown[] => {
    const found = fieldOf(page, 'items');
    return Array.isArray(found) ? found : [];
  };
  return {
    topics: async () => items(await api.get('/audit/topics')),
    records: async ({ topic, partition, offset }, limit) =>
      items(
        await api.get(`/audit/topics/${encodeURIComponent(topic)}/partitions/${partition}/records`, {
          from: offset,
          limit: String(limit),
        }),
      ),
  };
}

function rowsOf(topic: unknown): readonly object[] {
  const partitions = fieldOf(topic, 'partitions');
  return (Array.isArray(partitions) ? partitions : []).map((partition: object) => ({
    ...partition,
    topic: fieldOf(topic, 'topic'),
  }));
}

function placeIn(text: string): Place {
  const [, topic, partition, offset] = /^([A-Za-z0-9._-]{1,249}):(\d{1,4}):(\d{1,15})$/.exec(text) ?? [];
  if (topic === undefined || partition === undefined || offset === undefined)
    throw new InvalidArgumentError('topic:partition:offset, for example gatehouse.activity:3:42');
  return { topic, partition: Number(partition), offset };
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,2}$/.test(text) || Number(text) > 200) throw new InvalidArgumentError('from 1 to 200');
  return Number(text);
}
