import { Kafka, logLevel } from 'kafkajs';

/** A record as an independent reader sees it. */
export interface RawRecord {
  readonly partition: number;
  readonly offset: string;
  readonly value: { readonly [attribute: string]: unknown; readonly data: { readonly [field: string]: unknown } };
}

/**
 * Reads a whole topic with kafkajs's own consumer, which shares none of the code under test: committed records alone,
 * until every partition's end.
 */
export async function readTopic(brokers: string, topic: string): Promise<RawRecord[]> {
  const kafka = new Kafka({ clientId: 'checker', brokers: brokers.split(','), logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const ends = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  const missing = new Set(ends.filter(({ high, low }) => high !== low).map(({ partition }) => partition));
  const endOf = new Map(ends.map(({ partition, high }) => [partition, BigInt(high)]));
  const records: RawRecord[] = [];
  if (missing.size === 0) return records;
  const consumer = kafka.consumer({
    groupId: `${topic}-checker-${Date.now()}`,
    readUncommitted: false,
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
      for (const { offset, value } of batch.messages) {
        records.push({
          partition: batch.partition,
          offset,
          value: JSON.parse(value?.toString('utf8') ?? 'null') as RawRecord['value'],
        });
      }
      return Promise.resolve();
    },
  });
  await done;
  await consumer.disconnect();
  return records;
}

/** What a caller was told of a command. */
export interface Told {
  readonly commandId: string;
  readonly subject: string;
  readonly status: string;
  readonly version?: number;
  readonly offset?: bigint;
}

/**
 * Compares what callers were told with the raw events: every acknowledged command stands in the log once, at the place
 * and with the version that its caller was told; nothing stands there twice; an aggregate's versions count from 1
 * without a gap, in the order of the log.
 *
 * @returns the faults in words; empty when the log holds what it promised
 */
export function compare(told: readonly Told[], events: readonly RawRecord[]): string[] {
  const faults: string[] = [];
  const byCommand = Map.groupBy(events, ({ value }) => String(value['causationid']));
  for (const [command, caused] of byCommand) {
    if (caused.length > 1) faults.push(`command ${command} was applied ${caused.length} times`);
  }
  for (const { commandId, status, version, offset, subject } of told) {
    const event = byCommand.get(commandId)?.[0];
    if (status !== 'succeeded') {
      if (event && status !== 'never answered')
        faults.push(`command ${commandId} was told ${status}, and stands in the log`);
      continue;
    }
    if (!event) faults.push(`command ${commandId} was acknowledged and is not in the log`);
    else if (
      event.offset !== String(offset) ||
      event.value['sequence'] !== String(version) ||
      event.value['subject'] !== subject
    ) {
      faults.push(
        `command ${commandId} was told version ${version} at ${offset}, but stands as ${String(event.value['sequence'])} at ${event.offset}`,
      );
    }
  }
  for (const [subject, own] of Map.groupBy(events, ({ value }) => String(value['subject']))) {
    own.forEach(({ value }, index) => {
      if (value['sequence'] !== String(index + 1))
        faults.push(`event ${index + 1} of ${subject} says it is number ${String(value['sequence'])}`);
    });
  }
  return faults;
}
