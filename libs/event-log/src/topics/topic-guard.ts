import kafkajs, { type Admin, type ConfigEntries } from 'kafkajs';
import type { TopicSpec } from '#contracts';
import { Backoff } from '../kafka/backoff.js';
import { brokerErrorType } from '../kafka/broker-error.js';
import { createAdmin, type LogSettings } from '../kafka/log-connection.js';

/** A topic stands in a way that could lose history, or that the system cannot work with. The service must not start. */
export class UnsafeTopics extends Error {
  override readonly name = 'UnsafeTopics';
  readonly code = 'unsafe-topics';
  constructor(readonly faults: readonly string[]) {
    super(`the log is not safe to use:\n${faults.map((fault) => `- ${fault}`).join('\n')}`);
  }
}

export interface TopicGuardOptions {
  /** How many copies each partition must have: 3 in production; 1 in development, which is said in the log. */
  readonly replicationFactor: number;
  /** How many copies must acknowledge: 2 in production. */
  readonly minInSyncReplicas: number;
}

/**
 * Creates the topics that are not there and asserts how all of them stand: partitions, retention, cleanup policy,
 * replication, in-sync replicas, elections. Nothing that exists is changed: a setting that could lose history is a
 * reason not to start, not one to repair quietly.
 *
 * @throws UnsafeTopics naming every fault at once
 */
export async function ensureTopics(
  settings: LogSettings,
  specs: readonly TopicSpec[],
  options: TopicGuardOptions,
): Promise<void> {
  const admin = createAdmin(settings);
  await admin.connect();
  try {
    const wanted = specs.map((spec) => withPrefix(spec, settings.prefix));
    const existing = new Set(await admin.listTopics());
    const missing = wanted.filter(({ name }) => !existing.has(name));
    if (missing.length > 0) await create(admin, missing, options);
    const faults = await onceTheyAreKnown(() => inspect(admin, wanted, options));
    if (faults.length > 0) throw new UnsafeTopics(faults);
    if (options.replicationFactor < 3) {
      settings.sink.warn(
        { replicationFactor: options.replicationFactor },
        'the log has fewer than three copies: for development only',
      );
    }
  } finally {
    await admin.disconnect();
  }
}

function withPrefix({ outlives, ...spec }: TopicSpec, prefix: string): TopicSpec {
  return {
    ...spec,
    name: prefix + spec.name,
    ...(outlives === undefined ? {} : { outlives: { ...outlives, topic: prefix + outlives.topic } }),
  };
}

const KNOWN_WITHIN_MS = 15_000;

/** A topic that was made a moment ago is not known to every broker yet, or has no leader. */
async function onceTheyAreKnown<T>(work: () => Promise<T>): Promise<T> {
  const backoff = new Backoff(20, 500);
  const giveUpAt = performance.now() + KNOWN_WITHIN_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const type = brokerErrorType(error);
      const early =
        type === 'UNKNOWN_TOPIC_OR_PARTITION' || type === 'LEADER_NOT_AVAILABLE' || type === 'NOT_LEADER_FOR_PARTITION';
      if (!early || performance.now() > giveUpAt) throw error;
      await backoff.wait();
    }
  }
}

async function create(admin: Admin, specs: readonly TopicSpec[], options: TopicGuardOptions): Promise<void> {
  await admin.createTopics({
    waitForLeaders: false, // it gives up on a broker that does not know the topic yet
    timeout: 15_000,
    topics: specs.map((spec) => ({
      topic: spec.name,
      numPartitions: spec.partitions,
      replicationFactor: options.replicationFactor,
      configEntries: Object.entries(settingsOf(spec, options)).map(([name, value]) => ({ name, value })),
    })),
  });
}

function settingsOf(spec: TopicSpec, options: TopicGuardOptions): Record<string, string> {
  return {
    'cleanup.policy': spec.cleanup,
    'retention.ms': spec.retentionMs === 'forever' ? '-1' : String(spec.retentionMs),
    'retention.bytes': '-1',
    'max.message.bytes': String(spec.maxMessageBytes),
    'min.insync.replicas': String(options.minInSyncReplicas),
    'unclean.leader.election.enable': 'false',
    'message.timestamp.type': 'CreateTime',
  };
}

async function inspect(admin: Admin, specs: readonly TopicSpec[], options: TopicGuardOptions): Promise<string[]> {
  const { topics } = await admin.fetchTopicMetadata({ topics: specs.map(({ name }) => name) });
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: specs.map(({ name }) => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name })),
  });
  const entriesOf = (topic: string): readonly ConfigEntries[] =>
    resources.find(({ resourceName }) => resourceName === topic)?.configEntries ?? [];
  const faults = specs.flatMap((spec) => {
    const partitions = topics.find(({ name }) => name === spec.name)?.partitions ?? [];
    const faults: string[] = [];
    if (partitions.length !== spec.partitions) {
      faults.push(
        `${spec.name} has ${partitions.length} partitions and must have ${spec.partitions}: ids name their partition`,
      );
    }
    const copies = Math.min(...partitions.map(({ replicas }) => replicas.length));
    if (copies < options.replicationFactor) {
      faults.push(`${spec.name} has ${copies} copies and must have ${options.replicationFactor}`);
    }
    return [...faults, ...wrongSettings(spec, entriesOf(spec.name), options), ...tooShort(spec, entriesOf)];
  });
  return [...faults, ...(await withoutBeginning(admin, specs))];
}

/** However long both really live, a topic must outlive the one that it stands for. */
function tooShort({ name, outlives }: TopicSpec, entriesOf: (topic: string) => readonly ConfigEntries[]): string[] {
  if (!outlives) return [];
  const found = valueOf(entriesOf(name), 'retention.ms');
  const other = valueOf(entriesOf(outlives.topic), 'retention.ms');
  if (found === '-1' || (other !== '-1' && Number(found) >= Number(other) + outlives.byMs)) return [];
  const least = other === '-1' ? '-1' : String(Number(other) + outlives.byMs);
  return [`${name} has retention.ms=${found} and must have ${least}: ${outlives.topic} has retention.ms=${other}`];
}

/** History begins at offset 0; a topic that begins later has lost some, and whoever folds it would not notice. */
async function withoutBeginning(admin: Admin, specs: readonly TopicSpec[]): Promise<string[]> {
  const history = specs.filter(({ retentionMs, cleanup }) => retentionMs === 'forever' && cleanup === 'delete');
  const found = history.map(async ({ name }) =>
    (await admin.fetchTopicOffsets(name)).flatMap(({ partition, low }) =>
      low === '0' ? [] : [`${name}:${partition} begins at offset ${low}: what stood before it is gone`],
    ),
  );
  return (await Promise.all(found)).flat();
}

function wrongSettings(spec: TopicSpec, entries: readonly ConfigEntries[], options: TopicGuardOptions): string[] {
  return Object.entries(settingsOf(spec, options)).flatMap(([name, wanted]) => {
    const found = valueOf(entries, name);
    return isSafe(name, found, wanted) ? [] : [`${spec.name} has ${name}=${found} and must have ${wanted}`];
  });
}

function valueOf(entries: readonly ConfigEntries[], name: string): string {
  return entries.find(({ configName }) => configName === name)?.configValue ?? 'unknown';
}

/** A longer retention, a larger record or more in-sync replicas than asked for harm nobody. */
function isSafe(name: string, found: string, wanted: string): boolean {
  if (found === wanted) return true;
  if (name === 'retention.ms') return found === '-1' || (wanted !== '-1' && Number(found) >= Number(wanted));
  if (name === 'max.message.bytes' || name === 'min.insync.replicas') return Number(found) >= Number(wanted);
  return false;
}
