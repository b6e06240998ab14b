import { Kafka, type KafkaMessage, logLevel } from 'kafkajs';

/** A record as an independent reader sees it. */
export interface RawRecord {
  readonly partition: number;
  readonly offset: string;
  readonly value: { readonly [attribute: string]: unknown; readonly data: { readonly [field: string]: unknown } };
  /** Whose it is: producer and epoch, which Kafka itself wrote into the batch. */
  readonly writer: string;
}

/** A record's bytes as an independent reader sees them. */
export interface RawBytes {
  readonly partition: number;
  readonly offset: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

/**
 * Reads a whole topic with kafkajs's own consumer, which shares none of the code under test, until every partition's
 * end: committed records, or all that any producer ever got into the log.
 */
export async function readTopic(
  brokers: string,
  topic: string,
  { uncommitted = false } = {},
): Promise<readonly RawRecord[]> {
  const records: RawRecord[] = [];
  await readMessages(brokers, topic, uncommitted, (partition, message) =>
    records.push({
      partition,
      offset: message.offset,
      value: JSON.parse(message.value?.toString('utf8') ?? 'null') as RawRecord['value'],
      writer: writerOf(message),
    }),
  );
  return records;
}

/** Reads a whole topic in the same way: key and value as Kafka holds them. */
export async function readBytes(
  brokers: string,
  topic: string,
  { uncommitted = false } = {},
): Promise<readonly RawBytes[]> {
  const records: RawBytes[] = [];
  await readMessages(brokers, topic, uncommitted, (partition, { offset, key, value }) =>
    records.push({ partition, offset, key, value }),
  );
  return records;
}

async function readMessages(
  brokers: string,
  topic: string,
  uncommitted: boolean,
  take: (partition: number, message: KafkaMessage) => void,
): Promise<void> {
  const kafka = new Kafka({ clientId: 'checker', brokers: brokers.split(','), logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const ends = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  const missing = new Set(ends.filter(({ high, low }) => high !== low).map(({ partition }) => partition));
  const endOf = new Map(ends.map(({ partition, high }) => [partition, BigInt(high)]));
  if (missing.size === 0) return;
  const consumer = kafka.consumer({
    groupId: `${topic}-checker-${String(Date.now())}`,
    readUncommitted: uncommitted,
    maxWaitTimeInMs: 100,
  });
  const { promise: done, resolve } = Promise.withResolvers<void>();
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
    if (BigInt(payload.lastOffset) + 1n >= (endOf.get(payload.partition) ?? 0n)) missing.delete(payload.partition);
    if (missing.size === 0) resolve();
  });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatch: ({ batch }) => {
      for (const message of batch.messages) take(batch.partition, message);
      return Promise.resolve();
    },
  });
  await done;
  await consumer.disconnect();
}

/** kafkajs hands the batch's fields on with each message; its typings do not say so. */
function writerOf(message: object): string {
  if (!('batchContext' in message)) throw new Error('kafkajs gave a message without its batch');
  const { producerId, producerEpoch } = message.batchContext as { producerId: string; producerEpoch: number };
  return `${producerId}/${String(producerEpoch)}`;
}
