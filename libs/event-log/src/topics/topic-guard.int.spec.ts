import { OUTCOME_RETENTION_MS, topicsOf } from '#contracts';
import { counter, counterTopics } from '#testing';
import { Kafka, logLevel, type Admin } from 'kafkajs';
import { type Isolation, isolate } from '../../../../test/environment/isolation.js';
import type { LogSettings } from '../kafka/log-connection.js';
import { OrderedAppender } from '../kafka/ordered-appender.js';
import { ensureTopics, UnsafeTopics } from './topic-guard.js';

const { commands, events, outcomes } = topicsOf(counter);
const development = { replicationFactor: 1, minInSyncReplicas: 1 };
const DAY_MS = 86_400_000;

describe('the guard of the topics', () => {
  let own: Isolation;
  let admin: Admin;
  const warnings: string[] = [];

  beforeAll(async () => {
    own = await isolate();
    admin = new Kafka({ brokers: own.brokers.split(','), logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
  });

  afterAll(async () => {
    await admin.disconnect();
    await own.dispose();
  });

  let count = 0;
  /** A prefix of its own for each case, since nothing that exists is ever changed. */
  const fresh = (): LogSettings => ({
    brokers: own.brokers.split(','),
    clientId: 'test',
    prefix: `${own.prefix}${String(count++)}.`,
    sink: {
      debug: () => undefined,
      info: () => undefined,
      warn: (_fields, message) => void warnings.push(message),
      error: () => undefined,
    },
  });

  /** Makes one topic by hand, before the service starts and makes the others. */
  const made = async (
    { prefix }: LogSettings,
    topic: string,
    settings: Readonly<Record<string, string>>,
    numPartitions = 8,
  ): Promise<void> => {
    await admin.createTopics({
      waitForLeaders: false,
      topics: [
        {
          topic: prefix + topic,
          numPartitions,
          replicationFactor: 1,
          configEntries: Object.entries(settings).map(([name, value]) => ({ name, value })),
        },
      ],
    });
  };

  const ofEvents = {
    'retention.ms': '-1',
    'unclean.leader.election.enable': 'false',
    'min.insync.replicas': '1',
    'max.message.bytes': '1048576',
  };
  const ofCommands = { ...ofEvents, 'retention.ms': String(commands.retentionMs), 'max.message.bytes': '8388608' };
  const ofOutcomes = { ...ofEvents, 'retention.ms': String(outcomes.retentionMs) };

  it('makes what is missing, says that it is for development, and starts again on it', async () => {
    const settings = fresh();
    await ensureTopics(settings, counterTopics, development);
    await ensureTopics(settings, counterTopics, development);
    expect(warnings).toContain('the log has fewer than three copies: for development only');
  });

  it.each([
    ['partitions', events.name, ofEvents, 4, 'has 4 partitions and must have 8'],
    ['retention in time', events.name, { ...ofEvents, 'retention.ms': String(3_650 * DAY_MS) }, 8, 'retention.ms='],
    ['retention in bytes', events.name, { ...ofEvents, 'retention.bytes': '1073741824' }, 8, 'retention.bytes='],
    ['compaction', events.name, { ...ofEvents, 'cleanup.policy': 'compact' }, 8, 'cleanup.policy=compact'],
    [
      'compaction too',
      events.name,
      { ...ofEvents, 'cleanup.policy': 'compact,delete' },
      8,
      'cleanup.policy=compact,delete',
    ],
    [
      'unclean elections',
      events.name,
      { ...ofEvents, 'unclean.leader.election.enable': 'true' },
      8,
      'unclean.leader.election.enable=true',
    ],
    ['small records', events.name, { ...ofEvents, 'max.message.bytes': '1000' }, 8, 'max.message.bytes=1000'],
    [
      'time of append',
      events.name,
      { ...ofEvents, 'message.timestamp.type': 'LogAppendTime' },
      8,
      'message.timestamp.type=LogAppendTime',
    ],
    ['commands too short', commands.name, { ...ofCommands, 'retention.ms': String(DAY_MS) }, 8, 'retention.ms='],
    [
      'outcomes too short',
      outcomes.name,
      { ...ofOutcomes, 'retention.ms': String(OUTCOME_RETENTION_MS - 1) },
      8,
      'retention.ms=',
    ],
    [
      'commands that outlive outcomes',
      commands.name,
      { ...ofCommands, 'retention.ms': String(30 * DAY_MS) },
      8,
      'retention.ms=',
    ],
    ['commands for ever', commands.name, { ...ofCommands, 'retention.ms': '-1' }, 8, 'retention.ms='],
  ])('does not start on %s', async (_what, topic, wrong, partitions, said) => {
    const settings = fresh();
    await made(settings, topic, wrong, partitions);
    const refusal = await ensureTopics(settings, counterTopics, development).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(UnsafeTopics);
    expect(String(refusal)).toContain(settings.prefix + topic);
    expect(String(refusal)).toContain(said);
  });

  it('lets outcomes and commands live longer, as long as outcomes outlive commands by two days', async () => {
    const settings = fresh();
    await made(settings, commands.name, { ...ofCommands, 'retention.ms': String(30 * DAY_MS) });
    await made(settings, outcomes.name, { ...ofOutcomes, 'retention.ms': String(32 * DAY_MS) });
    await ensureTopics(settings, counterTopics, development);
  });

  it('does not start on fewer copies, or fewer in sync, than asked for, and names each topic', async () => {
    const settings = fresh();
    await ensureTopics(settings, counterTopics, development);
    const refusal = String(
      await ensureTopics(settings, counterTopics, { replicationFactor: 3, minInSyncReplicas: 2 }).catch(
        (error: unknown) => error,
      ),
    );
    for (const { name } of counterTopics) {
      expect(refusal).toContain(`${settings.prefix}${name} has 1 copies and must have 3`);
      expect(refusal).toContain(`${settings.prefix}${name} has min.insync.replicas=1 and must have 2`);
    }
  });

  it('does not start on history whose beginning is gone', async () => {
    const settings = fresh();
    await ensureTopics(settings, counterTopics, development);
    const appender = new OrderedAppender(settings, { deadlineMs: 10_000 });
    const topic = settings.prefix + events.name;
    await appender.append(topic, 3, { key: 'k', value: '{}' });
    await appender.append(topic, 3, { key: 'k', value: '{}' });
    await appender.close();
    await admin.fetchTopicOffsets(topic); // so that the client knows the topic's leaders
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 3, offset: '1' }] });
    await expect(ensureTopics(settings, counterTopics, development)).rejects.toThrow(
      `${topic}:3 begins at offset 1: what stood before it is gone`,
    );
  });
});
