import type { ActivityRecord } from '#contracts';
import { ForeignRecords } from './foreign-records.js';

const silent = (): void => undefined;
let told: ActivityRecord[];
let foreign: ForeignRecords;
/** Offsets at which markers stand, and how many questions fail before one is answered. */
let markers: bigint[];
let failures: number;
let looks: Promise<readonly bigint[]>[];
let stopping: AbortController;

beforeEach(() => {
  told = [];
  markers = [];
  failures = 0;
  looks = [];
  stopping = new AbortController();
  foreign = new ForeignRecords({
    partition: 5,
    writer: 'registration-writer',
    prefix: 'p.',
    sink: { debug: silent, info: silent, warn: silent, error: silent },
    activity: {
      append(record) {
        told.push(record);
        return Promise.resolve({ id: 'kept', position: { topic: '', partition: 0, offset: 0n } });
      },
    },
    recordsBetween: (_topic, from, to) => {
      const between = Array.from({ length: Number(to - from) + 1 }, (_, at) => from + BigInt(at));
      const look =
        failures-- > 0
          ? Promise.reject(new Error('nobody answers'))
          : Promise.resolve(between.filter((offset) => !markers.includes(offset)));
      looks.push(look);
      return look;
    },
    stop: stopping.signal,
  });
});
/** Once all that was looked at is told. */
const found = async (): Promise<unknown[]> => {
  await Promise.allSettled(looks);
  return told.map(({ data }) => 'firstOffset' in data && [data.topic, data.firstOffset, data.lastOffset]);
};

describe('what a writer finds that it has not written', () => {
  it('is nothing while its own transactions follow each other, whatever each has', async () => {
    foreign.committed('p.events', [7n, 8n]);
    foreign.committed('p.outcomes', [3n]);
    foreign.committed('p.outcomes', [5n, 6n]);
    foreign.committed('p.events', [10n]);
    expect(await found()).toEqual([]);
  });

  it('is what stands between two of them, or within one', async () => {
    foreign.committed('p.events', [7n]);
    foreign.committed('p.events', [10n, 11n, 13n]);
    foreign.committed('p.outcomes', [100n]);
    foreign.committed('p.outcomes', [104n]);
    expect(await found()).toEqual([
      ['events', '9', '9'],
      ['events', '12', '12'],
      ['outcomes', '102', '103'],
    ]);
  });

  it('is not known behind a transaction in which a topic got nothing', async () => {
    foreign.committed('p.outcomes', [3n]);
    foreign.committed('p.outcomes', []);
    foreign.committed('p.outcomes', [6n]);
    expect(await found()).toEqual([]);
  });

  it('is not known of what came while it started over', async () => {
    foreign.committed('p.events', [7n]);
    foreign.forget();
    foreign.committed('p.events', [20n]);
    foreign.committed('p.events', [22n]);
    expect(await found()).toEqual([]);
  });

  it('is no marker: a coordinator that takes over may mark a commit twice', async () => {
    markers = [9n, 12n, 14n];
    foreign.committed('p.events', [7n]);
    foreign.committed('p.events', [10n]);
    foreign.committed('p.events', [15n]);
    expect(await found()).toEqual([['events', '13', '13']]);
  });

  it('is told without having been seen when nobody answers, time and again', async () => {
    failures = 3;
    const { promise, resolve } = Promise.withResolvers<void>();
    const push = told.push.bind(told);
    told.push = (...records) => {
      resolve();
      return push(...records);
    };
    markers = [9n];
    foreign.committed('p.events', [7n]);
    foreign.committed('p.events', [10n]);
    await promise;
    expect(await found()).toEqual([['events', '9', '9']]);
    expect(looks).toHaveLength(3);
  });
});
