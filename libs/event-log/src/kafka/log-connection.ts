import { Kafka, type Admin, type SASLOptions } from 'kafkajs';
import Cluster, { type Broker } from 'kafkajs/src/cluster/index.js';
import loggers from 'kafkajs/src/loggers/index.js';
import createSocketFactory from 'kafkajs/src/network/socketFactory.js';
import type { ConnectionOptions } from 'node:tls';
import type { CommandKeys } from '#contracts';
import type { LogMeter } from '../meter/log-meter.js';
import type { LogSink } from '../sink/log-sink.js';
import type { LogTracer } from '../tracing/log-tracer.js';
import { quietTimers } from './quiet-timers.js';

export interface LogSettings {
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly ssl?: ConnectionOptions | boolean;
  readonly sasl?: SASLOptions;
  /** Stands before every topic, group and transactional id: isolates tests on one broker. Empty in production. */
  readonly prefix: string;
  readonly sink: LogSink;
  readonly meter?: LogMeter;
  /** Told of what is done because of what; nobody is where it is absent. */
  readonly tracer?: LogTracer;
  /** Does something because of a record that carries this correlation id: what is told meanwhile carries it, too. */
  readonly correlated?: <T>(correlationId: string, work: () => T) => T;
  /** Commands get their MAC by these, and none counts without; absent only where a test has the log to itself. */
  readonly commandKeys?: CommandKeys;
  /** Told of each topic, by its name without prefix, that a part of the process is made to send to or to read. */
  readonly onTopic?: (use: TopicUse, topic: string) => void;
  /** Told of each consumer group, by its name without prefix, that a part of the process is made to join. */
  readonly onGroup?: (group: string) => void;
}

export type TopicUse = 'sends' | 'receives';

/** Partitions of a topic, by its name with the prefix. */
export interface TopicPartitions {
  readonly topic: string;
  readonly partitions: readonly number[];
}

/** Kafka's isolation levels: `committed` hides open and aborted transactions. */
export const ISOLATION = { uncommitted: 0, committed: 1 } as const;
export type Isolation = keyof typeof ISOLATION;

const TRANSACTION_COORDINATOR = 1;
const EARLIEST = -2;
const LATEST = -1;
const REQUEST_TIMEOUT_MS = 5_000;
const CONNECTION_TIMEOUT_MS = 2_000;
const METADATA_MAX_AGE_MS = 60_000;

/** Nobody leads the partition right now: an election is under way, or the topic is not there. */
class PartitionWithoutLeader extends Error {
  override readonly name = 'PartitionWithoutLeader';
  constructor(topic: string, partition: number) {
    super(`${topic}:${partition} has no leader`);
  }
}

/** One connection to each broker that is needed. A long poll holds its connection, so every reader has its own. */
export class LogConnection {
  readonly #cluster: Cluster;
  readonly #topics = new Set<string>();
  /** Of partitions by their names, as the metadata has them that were asked for last. */
  readonly #leaders = new Map<string, Broker>();
  #connecting: Promise<void> | undefined;

  constructor(readonly settings: LogSettings) {
    quietTimers();
    this.#cluster = new Cluster({
      logger: kafkajsLogger(settings.sink),
      socketFactory: createSocketFactory(),
      brokers: settings.brokers,
      clientId: settings.clientId,
      ...(settings.ssl === undefined ? {} : { ssl: settings.ssl }),
      ...(settings.sasl === undefined ? {} : { sasl: settings.sasl }),
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      enforceRequestTimeout: true,
      metadataMaxAge: METADATA_MAX_AGE_MS,
      retry: { retries: 1, initialRetryTime: 20, maxRetryTime: 200 },
      allowAutoTopicCreation: false,
      maxInFlightRequests: null,
      isolationLevel: ISOLATION.committed,
    });
  }

  /** The broker that leads a partition, when that is known and it is connected. */
  leaderAtHand(topic: string, partition: number): Broker | undefined {
    const leader = this.#leaders.get(`${topic}:${partition}`);
    return leader?.isConnected() ? leader : undefined;
  }

  /** The broker that leads a partition. Throws while the partition has no leader or it cannot be reached. */
  async leaderOf(topic: string, partition: number): Promise<Broker> {
    await this.#connected();
    if (!this.#topics.has(topic)) {
      this.#leaders.clear();
      await this.#cluster.addMultipleTargetTopics([topic]);
      this.#topics.add(topic);
    }
    const found = this.#cluster.findTopicPartitionMetadata(topic).find(({ partitionId }) => partitionId === partition);
    if (!found || found.leader < 0) {
      this.#leaders.clear();
      await this.#cluster.refreshMetadata();
      throw new PartitionWithoutLeader(topic, partition);
    }
    const leader = await this.#cluster.findBroker({ nodeId: found.leader });
    this.#leaders.set(`${topic}:${partition}`, leader);
    return leader;
  }

  async groupCoordinator(groupId: string): Promise<Broker> {
    await this.#connected();
    return await this.#cluster.findGroupCoordinator({ groupId });
  }

  async transactionCoordinator(transactionalId: string): Promise<Broker> {
    await this.#connected();
    return await this.#cluster.findGroupCoordinator({
      groupId: transactionalId,
      coordinatorType: TRANSACTION_COORDINATOR,
    });
  }

  /** Any broker: for requests that no coordinator answers. */
  async anyBroker(topic: string): Promise<Broker> {
    return await this.leaderOf(topic, 0);
  }

  /** After an error: the next request asks anew who leads what. */
  async refresh(): Promise<void> {
    this.#leaders.clear();
    try {
      await this.#connected();
      await this.#cluster.refreshMetadata();
    } catch (error) {
      this.settings.sink.debug({ err: error }, 'metadata could not be refreshed');
      this.#connecting = undefined;
    }
  }

  /**
   * The next offset after the last stable record (`end`) or the first one kept (`start`), of each partition asked for.
   * Asked of the partitions' leaders.
   */
  async offsets(
    topic: string,
    partitions: readonly number[],
    which: 'start' | 'end',
    isolation: Isolation = 'committed',
  ): Promise<Map<number, bigint>> {
    return (await this.offsetsOf([{ topic, partitions }], which, isolation)).get(topic) ?? new Map<number, bigint>();
  }

  /** The same of several topics, by topic: one request for each leader. */
  async offsetsOf(
    topics: readonly TopicPartitions[],
    which: 'start' | 'end',
    isolation: Isolation = 'committed',
  ): Promise<Map<string, Map<number, bigint>>> {
    const found = await this.#listOffsets(topics, which === 'start' ? EARLIEST : LATEST, isolation);
    for (const { topic, partitions } of topics) {
      const missing = partitions.find((partition) => found.get(topic)?.has(partition) !== true);
      if (missing !== undefined) throw new Error(`no broker answered for the ${which} of ${topic}:${missing}`);
    }
    return found;
  }

  async #listOffsets(
    topics: readonly TopicPartitions[],
    timestamp: number,
    isolation: Isolation,
  ): Promise<Map<string, Map<number, bigint>>> {
    const byLeader = new Map<Broker, { readonly topic: string; readonly partition: number }[]>();
    for (const { topic, partitions } of topics) {
      for (const partition of partitions) {
        const leader = await this.leaderOf(topic, partition);
        byLeader.set(leader, [...(byLeader.get(leader) ?? []), { topic, partition }]);
      }
    }
    const found = new Map(topics.map(({ topic }) => [topic, new Map<number, bigint>()]));
    await Promise.all(
      [...byLeader].map(async ([leader, led]) => {
        const { responses } = await leader.listOffsets({
          isolationLevel: ISOLATION[isolation],
          topics: [...Map.groupBy(led, ({ topic }) => topic)].map(([topic, ofTopic]) => ({
            topic,
            partitions: ofTopic.map(({ partition }) => ({ partition, timestamp })),
          })),
        });
        for (const { topic, partitions } of responses) {
          for (const { partition, offset } of partitions) found.get(topic)?.set(partition, BigInt(offset));
        }
      }),
    );
    return found;
  }

  /** The offset of the first record at or after a time (milliseconds since 1970), by partition; the end where there is none. */
  async offsetsAt(topic: string, partitions: readonly number[], unixMs: number): Promise<Map<number, bigint>> {
    const ends = await this.offsets(topic, partitions, 'end');
    const found = (await this.#listOffsets([{ topic, partitions }], unixMs, 'committed')).get(topic);
    return new Map(
      [...ends].map(([partition, end]) => {
        const offset = found?.get(partition) ?? -1n;
        return [partition, offset < 0n ? end : offset];
      }),
    );
  }

  async close(): Promise<void> {
    await this.#cluster.disconnect();
  }

  async #connected(): Promise<void> {
    if (this.#cluster.isConnected()) return;
    this.#connecting ??= this.#cluster.connect().finally(() => {
      this.#connecting = undefined;
    });
    await this.#connecting;
  }
}

/** kafkajs's own admin client, for topics and their settings. */
export function createAdmin(settings: LogSettings): Admin {
  quietTimers();
  const { sink } = settings;
  return new Kafka({
    brokers: [...settings.brokers],
    clientId: settings.clientId,
    ...(settings.ssl === undefined ? {} : { ssl: settings.ssl }),
    ...(settings.sasl === undefined ? {} : { sasl: settings.sasl }),
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    retry: { retries: 8, initialRetryTime: 100, maxRetryTime: 1_000 },
    logCreator: () => (entry) => sink.debug({}, entry.log.message),
  }).admin();
}

/** kafkajs calls a lost connection an error; for us it is one only when our own retries end. */
function kafkajsLogger(sink: LogSink): ReturnType<typeof loggers.createLogger> {
  return loggers.createLogger({
    level: loggers.LEVELS.ERROR,
    logCreator: () => (entry) => sink.debug({}, entry.log.message),
  });
}
