import { topicsOf } from '#contracts';
import { counter, counterTopics, quietLog } from '#testing';
import { type Isolation, isolate } from '../../../../test/environment/isolation.js';
import type { LogSettings } from '../kafka/log-connection.js';
import { OrderedAppender } from '../kafka/ordered-appender.js';
import { ensureTopics } from '../topics/topic-guard.js';
import { LogTail, type TailOptions } from './log-tail.js';
import type { RecordSource } from './record-source.js';
import { type ReadingPlace, SharedReadings } from './shared-reading.js';

const { events } = topicsOf(counter);
const PARTITIONS = 4;
const EACH = 5;

describe('tails that read along with each other', () => {
  let own: Isolation;
  let settings: LogSettings;
  let appender: OrderedAppender;
  /** How often each record was decoded. */
  const decoded = new Map<string, number>();
  const source: RecordSource<string> = {
    topic: events.name,
    partitions: events.partitions,
    decode: (value) => {
      const text = value.toString('utf8');
      decoded.set(text, (decoded.get(text) ?? 0) + 1);
      return text;
    },
  };
  const append = (partition: number, value: string) =>
    appender.append(settings.prefix + events.name, partition, { key: 'k', value });
  const all: string[] = [];

  beforeAll(async () => {
    own = await isolate();
    settings = quietLog(own, 'shared-reading');
    await ensureTopics(settings, counterTopics, { replicationFactor: 1, minInSyncReplicas: 1 });
    appender = new OrderedAppender(settings, { deadlineMs: 10_000 });
    for (let partition = 0; partition < PARTITIONS; partition++)
      for (let each = 0; each < EACH; each++) {
        const value = `${String(partition)}.${String(each)}`;
        await append(partition, value);
        all.push(value);
      }
  });
  beforeEach(() => decoded.clear());
  afterAll(async () => {
    await appender.close();
    await own.dispose();
  });

  const tailOf = (along: ReadingPlace, options: Partial<TailOptions<typeof source>> = {}) => {
    const texts: string[] = [];
    const failed = Promise.withResolvers<unknown>();
    const tail = new LogTail(settings, {
      sources: [source],
      from: 'start',
      along,
      onBatch: (entries) => {
        texts.push(...entries.map(({ event }) => event));
      },
      onFailure: failed.resolve,
      ...options,
    });
    return { tail, texts, failed: failed.promise };
  };

  it('have each record decoded once, and each its own afterwards', async () => {
    const readings = new SharedReadings();
    const tails = [readings.announce(), readings.announce(), readings.announce()].map((place) => tailOf(place));
    await Promise.all(tails.map(({ tail }) => tail.start()));
    for (const { texts } of tails) expect(texts.toSorted()).toEqual(all);
    expect([...decoded.values()]).toEqual(all.map(() => 1));

    decoded.clear();
    await append(7, 'later');
    await Promise.all(tails.map(({ tail }) => tail.caughtUp()));
    for (const { texts } of tails) expect(texts.toSorted()).toEqual([...all, 'later']);
    expect(decoded).toEqual(new Map([['later', 3]]));
    all.push('later');
    await Promise.all(tails.map(({ tail }) => tail.close()));
  });

  it('get no record twice and none from before where they begin, and those that come too late read alone', async () => {
    const readings = new SharedReadings();
    const [first, second] = [readings.announce(), readings.announce()];
    const whole = tailOf(first);
    const begins = Array.from({ length: events.partitions }, (_, partition) => (partition < PARTITIONS ? 3n : 0n));
    const part = tailOf(second, { from: new Map([[events.name, begins]]) });
    await Promise.all([whole.tail.start(), part.tail.start()]);
    const late = tailOf(readings.announce());
    await late.tail.start();
    expect(whole.texts.toSorted()).toEqual(all);
    expect(late.texts.toSorted()).toEqual(all);
    expect(part.texts.toSorted()).toEqual(all.filter((text) => text === 'later' || Number(text.split('.')[1]) >= 3));
    await Promise.all([whole, part, late].map(({ tail }) => tail.close()));
  });

  it('wait for nobody who leaves, fails or closes before or after they begin', async () => {
    const readings = new SharedReadings();
    const places = Array.from({ length: 5 }, () => readings.announce());
    const [first, second, third, fourth, fifth] = places;
    if (!first || !second || !third || !fourth || !fifth) throw new Error('there are five');
    const goesOn = tailOf(first);
    const fails = tailOf(second, {
      onBatch: () => {
        throw new Error('it cannot be stored');
      },
    });
    const closes = tailOf(third);
    const stopped = Promise.withResolvers<void>();
    const stops = tailOf(fourth, {
      onBatch: () => {
        void stops.tail.close().then(stopped.resolve);
      },
    });
    const started = goesOn.tail.start();
    void fails.tail.start();
    void stops.tail.start();
    await closes.tail.close();
    expect(goesOn.texts).toEqual([]);
    fifth.leave();
    fifth.leave();
    await started;
    expect(goesOn.texts.toSorted()).toEqual(all);
    expect(await fails.failed).toEqual(new Error('it cannot be stored'));
    await stopped.promise;
    await Promise.all([goesOn, fails].map(({ tail }) => tail.close()));
  });
});
