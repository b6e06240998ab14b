import { jest } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { topicsOf } from '#contracts';
import { counter, counterTopics } from '#testing';
import { Kafka, logLevel } from 'kafkajs';
import { type Isolation, isolate } from '../../../../test/environment/isolation.js';
import { ensureTopics } from '../topics/topic-guard.js';
import type { LogSettings } from './log-connection.js';
import { OrderedAppender } from './ordered-appender.js';
import { HistoryLost, PartitionReader, type ReaderOptions } from './partition-reader.js';

const silent = (): void => undefined;

describe('a reader of partitions', () => {
  let own: Isolation;
  let settings: LogSettings;
  let topic: string;
  let appender: OrderedAppender;
  const readers: PartitionReader[] = [];

  const reader = (options: ReaderOptions): PartitionReader => {
    const made = new PartitionReader(settings, options);
    readers.push(made);
    return made;
  };

  beforeAll(async () => {
    own = await isolate();
    settings = {
      brokers: own.brokers.split(','),
      clientId: 'test',
      prefix: own.prefix,
      sink: { debug: silent, info: silent, warn: silent, error: silent },
    };
    await ensureTopics(settings, counterTopics, { replicationFactor: 1, minInSyncReplicas: 1 });
    topic = settings.prefix + topicsOf(counter).commands.name;
    appender = new OrderedAppender(settings, { deadlineMs: 10_000 });
    for (const partition of [0, 1, 2, 3]) {
      for (let value = 0; value < 10; value++)
        await appender.append(topic, partition, { key: 'k', value: String(value) });
    }
  });
  afterEach(async () => {
    await Promise.all(readers.splice(0).map((each) => each.close()));
  });
  afterAll(async () => {
    await appender.close();
    await own.dispose();
  });

  it('stops when retention has passed the place where it should go on, and says which', async () => {
    const admin = new Kafka({ brokers: [...settings.brokers], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    await admin.fetchTopicOffsets(topic); // so that the client knows the topic's leaders
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '6' }] });
    await admin.disconnect();
    const failed = Promise.withResolvers<unknown>();
    const seen: bigint[] = [];
    reader({
      onSlice: ({ records }) => void seen.push(...records.map(({ offset }) => offset)),
      onFailure: failed.resolve,
    }).assign(topic, 0, 3n);
    const error = await failed.promise;
    expect(error).toBeInstanceOf(HistoryLost);
    expect(String(error)).toContain(`${topic}:0 holds offsets 6 to 10, but reading should go on at 3`);
    expect(seen).toEqual([]);
  });

  it('rests at the end of the log, when it was told to, until somebody hurries', async () => {
    const heard = (into: string[], wanted: string) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const onSlice: ReaderOptions['onSlice'] = ({ records }) => {
        into.push(...records.map(({ value }) => value.toString()));
        if (into.includes(wanted)) resolve();
      };
      return { promise, onSlice };
    };
    const [resting, restless]: [string[], string[]] = [[], []];
    const first = Promise.withResolvers<void>();
    const last = heard(resting, 'b');
    const atRest = reader({
      onSlice: async (slice) => {
        await last.onSlice(slice);
        first.resolve();
      },
      onFailure: silent,
      restMs: 600_000,
    });
    await appender.append(topic, 5, { key: 'k', value: 'a' });
    atRest.assign(topic, 5, 0n);
    await first.promise;
    const other = heard(restless, 'b');
    reader({ onSlice: other.onSlice, onFailure: silent }).assign(topic, 5, 0n);
    await appender.append(topic, 5, { key: 'k', value: 'b' });
    await other.promise;
    expect(resting).toEqual(['a']);
    atRest.hurry();
    await last.promise;
    expect(resting).toEqual(['a', 'b']);
  });

  it('does not rest while somebody waits for what comes next', async () => {
    const seen: string[] = [];
    const last = Promise.withResolvers<void>();
    const awaited = reader({
      onSlice: ({ records }) => {
        seen.push(...records.map(({ value }) => String(value)));
        if (seen.includes('d')) last.resolve();
        else void appender.append(topic, 4, { key: 'k', value: 'd' });
      },
      onFailure: silent,
      restMs: 600_000,
      isAwaited: () => true,
    });
    await appender.append(topic, 4, { key: 'k', value: 'c' });
    awaited.assign(topic, 4, 0n);
    await last.promise;
    expect(seen).toEqual(['c', 'd']);
  });

  it('stops when the log ends before the place where it should go on', async () => {
    const failed = Promise.withResolvers<unknown>();
    reader({ onSlice: silent, onFailure: failed.resolve }).assign(topic, 1, 11n);
    expect(String(await failed.promise)).toContain('holds offsets 0 to 10, but reading should go on at 11');
  });

  it('stops, and says so once, when a slice cannot be handled: no partition goes on unseen', async () => {
    const failures: unknown[] = [];
    const failed = Promise.withResolvers<void>();
    const each = reader({
      onSlice: () => Promise.reject(new Error('cannot be applied')),
      onFailure: (error) => {
        failures.push(error);
        failed.resolve();
      },
    });
    each.assign(topic, 1, 0n);
    each.assign(topic, 2, 0n);
    await failed.promise;
    await each.close();
    expect(failures.map(String)).toEqual(['Error: cannot be applied']);
  });

  it('reads the others while the handler of one partition takes its time, and no more of that one', async () => {
    const slow = Promise.withResolvers<void>();
    const other = Promise.withResolvers<void>();
    const seen: Record<number, number> = {};
    const each = reader({
      bufferedRecords: 5,
      onSlice: async ({ partition, records }) => {
        seen[partition] = (seen[partition] ?? 0) + records.length;
        if (partition === 1) await slow.promise;
        if (partition === 2 && seen[2] === 20) other.resolve();
      },
      onFailure: other.reject,
    });
    each.assign(topic, 1, 0n);
    each.assign(topic, 2, 0n);
    for (let value = 10; value < 20; value++) {
      await appender.append(topic, 1, { key: 'k', value: String(value) });
      await appender.append(topic, 2, { key: 'k', value: String(value) });
    }
    await other.promise;
    expect(seen[1]).toBeLessThan(20);
    slow.resolve();
  });

  it('hands over at once what several fetches gave while the handler was busy', async () => {
    const slices: string[][] = [];
    const busy = Promise.withResolvers<void>();
    const idle = Promise.withResolvers<void>();
    const last = Promise.withResolvers<void>();
    let fetched = Promise.withResolvers<void>();
    const each = reader({
      onSlice: async ({ partition, records }) => {
        if (partition === 7) return fetched.resolve();
        slices.push(records.map(({ value }) => value.toString()));
        if (slices.length === 1) {
          busy.resolve();
          await idle.promise;
        }
        if (slices.flat().includes('d')) last.resolve();
      },
      onFailure: last.reject,
    });
    each.assign(topic, 6, 0n);
    each.assign(topic, 7, 0n);
    await appender.append(topic, 6, { key: 'k', value: 'a' });
    await busy.promise;
    for (const value of ['b', 'c', 'd']) {
      fetched = Promise.withResolvers();
      await appender.append(topic, 6, { key: 'k', value });
      await appender.append(topic, 7, { key: 'k', value });
      await fetched.promise; // one fetch asks for both partitions: it brought the first record too
    }
    idle.resolve();
    await last.promise;
    expect(slices).toEqual([['a'], ['b', 'c', 'd']]);
  });

  it('keeps no timer while its connection is idle, and none of its own beside those that are open', async () => {
    const caughtUp = Promise.withResolvers<void>();
    const intervals = jest.spyOn(globalThis, 'setInterval');
    reader({
      onSlice: ({ nextOffset, endOffset }) => {
        if (nextOffset >= endOffset) caughtUp.resolve();
      },
      onFailure: caughtUp.reject,
    }).assign(topic, 3, 0n);
    await caughtUp.promise;
    const timers = jest.spyOn(globalThis, 'setTimeout');
    try {
      await delay(300); // an unpatched connection sets one every millisecond
      expect(timers.mock.calls.length).toBeLessThan(50);
      expect(intervals).not.toHaveBeenCalled();
    } finally {
      timers.mockRestore();
      intervals.mockRestore();
    }
  });
});
