import { topicsOf } from '#contracts';
import { counter, counterTopics } from '#testing';
import { type Isolation, isolate } from '../../../../test/environment/isolation.js';
import { ensureTopics } from '../topics/topic-guard.js';
import { FencedProducer, type Transaction, WriterFenced } from './fenced-producer.js';
import { LogConnection, type LogSettings } from './log-connection.js';
import { OrderedAppender } from './ordered-appender.js';
import { PartitionReader } from './partition-reader.js';

const silent = (): void => undefined;

describe('transactions on one partition', () => {
  let own: Isolation;
  let settings: LogSettings;
  let connection: LogConnection;
  let topic: string;
  /** A partition of its own for each case. */
  let partition = -1;

  beforeAll(async () => {
    own = await isolate();
    settings = {
      brokers: own.brokers.split(','),
      clientId: 'test',
      prefix: own.prefix,
      sink: { debug: silent, info: silent, warn: silent, error: silent },
    };
    await ensureTopics(settings, counterTopics, { replicationFactor: 1, minInSyncReplicas: 1 });
    connection = new LogConnection(settings);
    topic = settings.prefix + topicsOf(counter).events.name;
  });
  beforeEach(() => {
    partition++;
  });
  afterAll(async () => {
    await connection.close();
    await own.dispose();
  });

  const producer = async (name: string): Promise<FencedProducer> => {
    const made = new FencedProducer(connection, `${own.prefix}${String(partition)}.${name}`);
    await made.fence(AbortSignal.timeout(20_000));
    return made;
  };
  const write = (by: FencedProducer, work: (transaction: Transaction) => Promise<unknown>) =>
    by.transact([{ topic, partitions: [partition] }], work);
  const put = (transaction: Transaction, ...values: string[]) =>
    transaction.append(
      topic,
      partition,
      values.map((value) => ({ key: 'k', value })),
    );
  const endOf = async (isolation: 'committed' | 'uncommitted') =>
    (await connection.offsets(topic, [partition], 'end', isolation)).get(partition) ?? 0n;

  /** Everything that a reader of committed records sees, up to the end as it is now. */
  const committed = async (): Promise<string[]> => {
    const end = await endOf('committed');
    const values: string[] = [];
    if (end === 0n) return values;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const reader = new PartitionReader(settings, {
      onSlice: ({ records, nextOffset }) => {
        values.push(...records.map(({ value }) => value.toString('utf8')));
        if (nextOffset >= end) resolve();
      },
      onFailure: reject,
    });
    reader.assign(topic, partition, 0n);
    await promise;
    await reader.close();
    return values;
  };

  it('hides what two producers aborted, however their aborts interleave, and nothing else', async () => {
    const [a, b] = [await producer('a'), await producer('b')];
    const [aOpen, bOpen] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const [aWrote, bWrote] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const leftOpen = async (by: FencedProducer, first: string, wrote: () => void, until: Promise<void>) => {
      await expect(
        write(by, async (transaction) => {
          await put(transaction, first);
          wrote();
          await until;
          throw new Error('given up');
        }),
      ).rejects.toThrow('did not end well');
    };
    const aFails = leftOpen(a, 'a aborted', aWrote.resolve, aOpen.promise);
    await aWrote.promise;
    const bFails = leftOpen(b, 'b aborted', bWrote.resolve, bOpen.promise);
    await bWrote.promise;
    aOpen.resolve();
    await aFails;
    await a.fence(AbortSignal.timeout(20_000)); // aborts what it had left open
    await write(a, (transaction) => put(transaction, 'a committed', 'a committed too'));
    bOpen.resolve();
    await bFails;
    await b.fence(AbortSignal.timeout(20_000));
    await write(b, (transaction) => put(transaction, 'b committed'));
    expect(await committed()).toEqual(['a committed', 'a committed too', 'b committed']);
  });

  it('shows nothing behind an open transaction until its writer is fenced', async () => {
    const zombie = await producer('zombie');
    const [wrote, over] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const hangs = write(zombie, async (transaction) => {
      await put(transaction, 'of the zombie');
      wrote.resolve();
      await over.promise;
      await put(transaction, 'of the zombie, later');
    });
    hangs.catch(silent); // looked at below
    await wrote.promise;
    const appender = new OrderedAppender(settings, { deadlineMs: 10_000 });
    const { offset } = await appender.append(topic, partition, { key: 'k', value: 'behind it' });
    await appender.close();
    expect(await endOf('committed')).toBeLessThan(offset);
    expect(await endOf('uncommitted')).toBeGreaterThan(offset);
    expect(await committed()).toEqual([]);

    const successor = await producer('zombie');
    expect(await committed()).toEqual(['behind it']);
    over.resolve();
    await expect(hangs).rejects.toBeInstanceOf(WriterFenced);
    await write(successor, (transaction) => put(transaction, 'of the successor'));
    expect(await committed()).toEqual(['behind it', 'of the successor']);
  });

  it('fences the moment it says so: an earlier holder can neither begin, nor append, nor commit', async () => {
    const first = await producer('one');
    await write(first, (transaction) => put(transaction, '1'));
    const wrote = Promise.withResolvers<void>();
    const over = Promise.withResolvers<void>();
    const commits = write(first, async (transaction) => {
      await put(transaction, 'never');
      wrote.resolve();
      await over.promise; // all that is left is to commit
    });
    commits.catch(silent); // looked at below
    await wrote.promise;
    const second = await producer('one');
    over.resolve();
    await expect(commits).rejects.toBeInstanceOf(WriterFenced);
    await expect(write(first, (transaction) => put(transaction, 'never'))).rejects.toThrow('fence first');
    await write(second, (transaction) => put(transaction, '2'));
    expect(await committed()).toEqual(['1', '2']);
  });

  it('takes many small transactions one right after the other', async () => {
    const writer = await producer('busy');
    for (let index = 0; index < 50; index++) await write(writer, (transaction) => put(transaction, String(index)));
    expect(await committed()).toEqual(Array.from({ length: 50 }, (_, index) => String(index)));
  });
});
