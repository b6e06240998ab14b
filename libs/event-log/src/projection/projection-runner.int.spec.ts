import { mintId, type Position, topicsOf } from '#contracts';
import { counter, counterTopics, countersProjection, LogSeed, PoolStore, quietLog } from '#testing';
import { isolate, type Isolation } from '../../../../test/environment/isolation.js';
import type { LogSettings } from '../kafka/log-connection.js';
import { SharedReadings } from '../tail/shared-reading.js';
import { ensureTopics } from '../topics/topic-guard.js';
import { ProjectionRunner } from './projection-runner.js';

const EVENTS = 40;
const readings = new SharedReadings();
const subjects = Array.from({ length: 8 }, (_, partition) => mintId(partition));

describe('a projection whose tables are empty', () => {
  let own: Isolation;
  let settings: LogSettings;
  let store: PoolStore;
  let seed: LogSeed;
  let appended = 0;

  /** Adds 1 to the next counter. */
  const append = (): Promise<Position> => {
    const subject = subjects[appended++ % subjects.length] ?? '';
    const by = { subject, actor: 'someone', time: new Date(0).toISOString() };
    return seed.event(counter, { type: 'added', data: { amount: 1 } }, by);
  };

  beforeAll(async () => {
    own = await isolate();
    settings = quietLog(own, 'runner');
    await ensureTopics(settings, counterTopics, { replicationFactor: 1, minInSyncReplicas: 1 });
    store = new PoolStore(own.databaseUrl);
    await store.ready();
    seed = new LogSeed(settings);
    while (appended < EVENTS) await append();
  });
  afterAll(async () => {
    await seed.close();
    await store.close();
    await own.dispose();
  });

  it.each([
    ['is rebuilt where the log is long, and goes on behind that', EVENTS, ['succeeded']],
    ['reads a short log as it comes', EVENTS + 1_000, []],
  ])('%s', async (_, longLog, rebuilds) => {
    await store.transaction((query) =>
      query('TRUNCATE projection.counters, projection.checkpoints, projection.rebuilds'),
    );
    const failures: unknown[] = [];
    const runner = new ProjectionRunner(
      settings,
      countersProjection,
      store,
      (error) => failures.push(error),
      readings,
      longLog,
    );
    await runner.start();
    await expect(runner.reached([await append()], 10_000)).resolves.toBe(true);
    // A caller may name any offset: whoever gives up must not be kept.
    const far = { topic: topicsOf(counter).events.name, partition: 3, offset: 2n ** 62n };
    const asked = Array.from({ length: 20 }, () => runner.reached([far], 1));
    expect(runner.waiting).toBe(20);
    expect(new Set(await Promise.all(asked))).toEqual(new Set([false]));
    expect(runner.waiting).toBe(0);
    await runner.close();
    await store.transaction(async (query) => {
      const [sum] = await query<{ total: string }>('SELECT sum(total) AS total FROM projection.counters');
      expect(Number(sum?.total)).toBe(appended);
      const found = await query<{ status: string }>('SELECT status FROM projection.rebuilds');
      expect(found.map(({ status }) => status)).toEqual(rebuilds);
    });
    expect(failures).toEqual([]);
  });

  it('is read as it comes after a rebuild that cannot take its place, though records come all the time', async () => {
    await store.transaction(async (query) => {
      await query('TRUNCATE projection.counters, projection.checkpoints, projection.rebuilds');
      await query('CREATE VIEW projection.held AS SELECT * FROM projection.counters');
    });
    const runner = new ProjectionRunner(settings, countersProjection, store, () => undefined, readings, EVENTS);
    const started = new AbortController();
    const coming = (async () => {
      while (!started.signal.aborted) await append();
    })();
    await runner.start();
    started.abort();
    await coming;
    await expect(runner.reached([await append()], 10_000)).resolves.toBe(true);
    await runner.close();
    await store.transaction(async (query) => {
      const [sum] = await query<{ total: string }>('SELECT sum(total) AS total FROM projection.counters');
      expect(Number(sum?.total)).toBe(appended);
      const found = await query<{ status: string }>('SELECT status FROM projection.rebuilds');
      expect(found.map(({ status }) => status)).toEqual(['failed']);
      await query('DROP VIEW projection.held');
    });
  });
});
