import { setImmediate } from 'node:timers/promises';
import { topicsOf } from '#contracts';
import { counter, counterTopics } from '#testing';
import { type Isolation, isolate } from '../../../../test/environment/isolation.js';
import { FencedProducer } from '../kafka/fenced-producer.js';
import { LogConnection, type LogSettings } from '../kafka/log-connection.js';
import { OrderedAppender } from '../kafka/ordered-appender.js';
import { ensureTopics } from '../topics/topic-guard.js';
import { LogTail, type TailOptions } from './log-tail.js';
import type { RecordSource } from './record-source.js';

const silent = (): void => undefined;
const { events } = topicsOf(counter);
/** The topic's records as text. */
const source: RecordSource<string> = {
  topic: events.name,
  partitions: events.partitions,
  decode: (value) => value.toString('utf8'),
};

describe('a tail', () => {
  let own: Isolation;
  let settings: LogSettings;
  let topic: string;
  let appender: OrderedAppender;
  let connection: LogConnection;

  beforeAll(async () => {
    own = await isolate();
    settings = {
      brokers: own.brokers.split(','),
      clientId: 'test',
      prefix: own.prefix,
      sink: { debug: silent, info: silent, warn: silent, error: silent },
    };
    await ensureTopics(settings, counterTopics, { replicationFactor: 1, minInSyncReplicas: 1 });
    topic = settings.prefix + events.name;
    appender = new OrderedAppender(settings, { deadlineMs: 10_000 });
    connection = new LogConnection(settings);
  });
  afterAll(async () => {
    await appender.close();
    await connection.close();
    await own.dispose();
  });

  /** Starts one; `seen` resolves when it has handed this text over. */
  const follow = async (from: TailOptions<typeof source>['from']) => {
    const texts: string[] = [];
    const waiting = new Map<string, () => void>();
    const { promise: failed, reject } = Promise.withResolvers<never>();
    failed.catch(silent); // who waits for something sees it
    const tail = new LogTail(settings, {
      sources: [source],
      from,
      onBatch: (entries) => {
        for (const { event } of entries) {
          texts.push(event);
          waiting.get(event)?.();
        }
      },
      onFailure: reject,
    });
    await tail.start();
    const seen = (text: string): Promise<void> =>
      texts.includes(text)
        ? Promise.resolve()
        : Promise.race([failed, new Promise<void>((resolve) => waiting.set(text, resolve))]);
    return { tail, texts, seen };
  };

  it('applies no more batches at once than it may, whatever the partitions have', async () => {
    for (let partition = 0; partition < 6; partition++)
      await appender.append(topic, partition, { key: 'k', value: `of ${String(partition)}` });
    const most = async (batchesAtOnce?: number): Promise<number> => {
      let [now, seen] = [0, 0];
      const tail = new LogTail(settings, {
        sources: [source],
        from: 'start',
        ...(batchesAtOnce === undefined ? {} : { batchesAtOnce }),
        onBatch: async () => {
          seen = Math.max(seen, ++now);
          await setImmediate();
          now--;
        },
        onFailure: (error) => expect(error).toBeUndefined(),
      });
      await tail.start();
      await tail.close();
      return seen;
    };
    expect(await most()).toBeGreaterThan(2);
    expect(await most(2)).toBe(2);
  });

  it('from the end misses nothing that is sent once it has started', async () => {
    for (let round = 0; round < 10; round++) {
      const { tail, texts, seen } = await follow('end');
      const text = `round ${String(round)}`;
      await appender.append(topic, round % 8, { key: 'k', value: text });
      await seen(text);
      expect(texts).toEqual([text]);
      await tail.close();
    }
  });

  it('has started at once on a topic with nothing new, and on one that ends in a control record', async () => {
    const writer = new FencedProducer(connection, `${own.prefix}tail`);
    await writer.fence(AbortSignal.timeout(20_000));
    const write = (value: string) =>
      writer.transact([{ topic, partitions: [7] }], (transaction) =>
        transaction.append(topic, 7, [{ key: 'k', value }]),
      );
    await write('committed');
    const aborted = writer.transact([{ topic, partitions: [7] }], async (transaction) => {
      await transaction.append(topic, 7, [{ key: 'k', value: 'aborted' }]);
      throw new Error('given up');
    });
    await expect(aborted).rejects.toThrow('did not end well');
    await writer.fence(AbortSignal.timeout(20_000)); // the log now ends in an abort marker
    const { tail, texts } = await follow('start');
    expect(texts).toContain('committed');
    expect(texts).not.toContain('aborted');
    await tail.caughtUp(); // which no later record has to help along
    await tail.close();
    const again = await follow(tail.applied());
    expect(again.texts).toEqual([]);
    await again.tail.close();
  });

  it('hands over what was committed, though it could not be read yet when commit() resolved', async () => {
    const { tail, texts, seen } = await follow('end');
    const writer = new FencedProducer(connection, `${own.prefix}tail`);
    await writer.fence(AbortSignal.timeout(20_000));
    for (let count = 0; count < 50; count++) {
      const value = `transaction ${String(count)}`;
      await writer.transact([{ topic, partitions: [6] }], (transaction) =>
        transaction.append(topic, 6, [{ key: 'k', value }]),
      );
    }
    await seen('transaction 49');
    expect(texts).toEqual(Array.from({ length: 50 }, (_, count) => `transaction ${String(count)}`));
    await tail.close();
  });
});
