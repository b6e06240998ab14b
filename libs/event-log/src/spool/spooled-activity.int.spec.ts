import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ActivityEntry, type ActivityRecord, activityTopic, mintId } from '#contracts';
import { kafkaRelay, type KafkaRelay } from '#testing';
import { type Isolation, isolate } from '../../../../test/environment/isolation.js';
import type { LogSettings } from '../kafka/log-connection.js';
import { NotAppended } from '../kafka/append-lane.js';
import { LogTail } from '../tail/log-tail.js';
import { activitySource } from '../tail/record-source.js';
import { ensureTopics } from '../topics/topic-guard.js';
import { SpooledActivity } from './spooled-activity.js';

const silent = (): void => undefined;
const record = (callId: string): ActivityRecord => ({
  type: 'access-denied',
  data: { callId, endpoint: 'default', enforcementPoint: 'g', method: 'GET', reason: 'r' },
});

describe('records that may wait on the disk', () => {
  let own: Isolation;
  let direct: LogSettings;
  let relay: KafkaRelay;
  let folder: string;
  let tail: LogTail<typeof activitySource>;
  /** All that is in the log, repeats included. */
  const log: ActivityEntry[] = [];
  const waiting = new Set<() => void>();
  const failures: unknown[] = [];

  beforeAll(async () => {
    own = await isolate();
    const sink = { debug: silent, info: silent, warn: silent, error: silent };
    direct = { brokers: own.brokers.split(','), clientId: 'test', prefix: own.prefix, sink };
    await ensureTopics(direct, [activityTopic], { replicationFactor: 1, minInSyncReplicas: 1 });
    tail = new LogTail(direct, {
      sources: [activitySource],
      from: 'start',
      onBatch: (entries) => {
        log.push(...entries.map(({ event }) => event));
        waiting.forEach((look) => look());
      },
      onFailure: (error) => void failures.push(error),
    });
    await tail.start();
  });
  beforeEach(async () => {
    relay = await kafkaRelay(own.brokers);
    folder = mkdtempSync(join(tmpdir(), 'spool-'));
  });
  afterEach(async () => {
    await relay.close();
    rmSync(folder, { recursive: true });
    expect(failures).toEqual([]);
  });
  afterAll(async () => {
    await tail.close();
    await own.dispose();
  });

  async function started(through: LogSettings, maxBytes = 1_000_000): Promise<SpooledActivity> {
    const activity = new SpooledActivity(through, {
      folder,
      maxBytes,
      patienceMs: 1_000,
      onFailure: (error) => void failures.push(error),
    });
    await activity.start();
    return activity;
  }
  const relayed = (): LogSettings => ({ ...direct, brokers: relay.brokers.split(',') });
  const of = (subject: string) => ({ subject, actor: 'client:c', correlationId: 'x' });
  const about = (subject: string) => log.filter(({ meta }) => meta.subject === subject);

  /** Resolves when the log has so many different records about it. */
  async function untilThere(subject: string, count: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = () => {
      if (new Set(about(subject).map(({ meta }) => meta.id)).size >= count) resolve();
    };
    waiting.add(look);
    look();
    await promise;
    waiting.delete(look);
  }

  /** Readers drop what has a number that they saw: what is left. Fails where a number is left out. */
  function callsAsRead(subject: string): readonly string[] {
    const next = new Map<string, number>();
    return about(subject).flatMap(({ meta, data }) => {
      const due = next.get(meta.run) ?? 0;
      if (meta.sequence < due) return [];
      expect(meta.sequence).toBe(due);
      next.set(meta.run, due + 1);
      return 'callId' in data ? [data.callId] : [];
    });
  }

  it('go to the log alone while it answers', async () => {
    const activity = await started(direct);
    const subject = mintId(1);
    const { position } = await activity.append(record('a'), of(subject));
    expect(position).toMatchObject({ topic: 'gatehouse.activity', partition: 1 });
    expect([activity.waiting.records, statSync(join(folder, 'activity.spool')).size]).toEqual([0, 0]);
    await activity.close();
    expect(existsSync(join(folder, 'activity.lock'))).toBe(false);
  });

  it('are kept while it does not, and come to it in order, each once, when it is back', async () => {
    const activity = await started(relayed());
    const subject = mintId(2);
    await activity.append(record('before'), of(subject));
    relay.set('silent');
    const kept = await Promise.all(
      Array.from({ length: 300 }, async (_, at) => await activity.append(record(`kept-${at}`), of(subject))),
    );
    expect(kept.every(({ position }) => position === undefined)).toBe(true);
    expect(activity.waiting.records).toBe(300);
    relay.set('open');
    const { position } = await activity.append(record('after'), of(subject));
    await untilThere(subject, 302);
    const calls = ['before', ...kept.map((_, at) => `kept-${at}`), 'after'];
    expect(callsAsRead(subject)).toEqual(calls);
    expect(about(subject)).toHaveLength(302);
    // It may have been told by the disk before the log.
    expect(position === undefined || position.partition === 2).toBe(true);
    await activity.close();
    expect(statSync(join(folder, 'activity.spool')).size).toBe(0);
  });

  it.each(['silent', 'acknowledgements-held'] as const)(
    'of a process that was killed while Kafka was %s are appended by the next one',
    async (mode) => {
      const killed = await started(relayed());
      const subject = mintId(mode === 'silent' ? 3 : 4);
      await killed.append(record('before'), of(subject));
      relay.set(mode);
      for (const call of ['a', 'b', 'c']) await killed.append(record(call), of(subject));
      // It says nothing more to anybody: whatever it had open is as good as gone.
      const next = await started(direct);
      expect(next.waiting.records).toBe(3);
      await next.append(record('d'), of(subject));
      await untilThere(subject, 5);
      expect(callsAsRead(subject)).toEqual(['before', 'a', 'b', 'c', 'd']);
      await next.close();
      await relay.close();
      await killed.close();
    },
    60_000,
  );

  it('are told to be nowhere when neither has room for them', async () => {
    const activity = await started(relayed(), 1_000);
    const subject = mintId(5);
    relay.set('silent');
    await activity.append(record('a'), of(subject));
    await expect(activity.append(record('b'.repeat(600)), of(subject))).rejects.toThrow(NotAppended);
    relay.set('open');
    await untilThere(subject, 2);
    await activity.close();
  }, 60_000);

  it('are put on the disk by a process that stops, and nobody waits for the log', async () => {
    const stopping = await started(relayed());
    const subject = mintId(6);
    relay.set('silent');
    await stopping.append(record('a'), of(subject));
    await stopping.close();
    const next = await started(direct);
    await untilThere(subject, 1);
    await next.close();
    expect(callsAsRead(subject)).toEqual(['a']);
  }, 60_000);
});
