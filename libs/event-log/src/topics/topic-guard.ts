import kafkajs, { type Admin, type ConfigEntries } from 'kafkajs';
import type { TopicSpec } from '#contracts';
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
    const wanted = specs.map((spec) => ({ ...spec, name: settings.prefix + spec.name }));
    const existing = new Set(await admin.listTopics());
    const missing = wanted.filter(({ name }) => !existing.has(name));
    if (missing.length > 0) await create(admin, missing, options);
    const faults = await inspect(admin, wanted, options);
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

async function create(admin: Admin, specs: readonly TopicSpec[], options: TopicGuardOptions): Promise<void> {
  await admin.createTopics({
    waitForLeaders: true,
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
  return specs.flatMap((spec) => {
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
    const entries = resources.find(({ resourceName }) => resourceName === spec.name)?.configEntries ?? [];
    return [...faults, ...wrongSettings(spec, entries, options)];
  });
}

function wrongSettings(spec: TopicSpec, entries: readonly ConfigEntries[], options: TopicGuardOptions): string[] {
  const valueOf = (name: string): string =>
    entries.find(({ configName }) => configName === name)?.configValue ?? 'unknown';
  return Object.entries(settingsOf(spec, options)).flatMap(([name, wanted]) => {
    const found = valueOf(name);
    return isSafe(name, found, wanted) ? [] : [`${spec.name} has ${name}=${found} and must have ${wanted}`];
  });
}

/** A longer retention, a larger record or more in-sync replicas than asked for harm nobody. */
function isSafe(name: string, found: string, wanted: string): boolean {
  if (found === wanted) return true;
  if (name === 'retention.ms') return found === '-1' || (wanted !== '-1' && Number(found) >= Number(wanted));
  if (name === 'max.message.bytes' || name === 'min.insync.replicas') return Number(found) >= Number(wanted);
  return false;
}
