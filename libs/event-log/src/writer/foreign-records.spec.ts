import type { ActivityRecord } from '#contracts';
import { ForeignRecords } from './foreign-records.js';

const silent = (): void => undefined;
let told: ActivityRecord[];
let foreign: ForeignRecords;

beforeEach(() => {
  told = [];
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
  });
});
const found = (): unknown[] =>
  told.map(({ data }) => 'firstOffset' in data && [data.topic, data.firstOffset, data.lastOffset]);

describe('what a writer finds that it has not written', () => {
  it('is nothing while its own transactions follow each other, whatever each has', () => {
    foreign.committed('p.events', [7n, 8n]);
    foreign.committed('p.outcomes', [3n]);
    foreign.committed('p.outcomes', [5n, 6n]);
    foreign.committed('p.events', [10n]);
    expect(found()).toEqual([]);
  });

  it('is what stands between two of them, or within one', () => {
    foreign.committed('p.events', [7n]);
    foreign.committed('p.events', [10n, 11n, 13n]);
    foreign.committed('p.outcomes', [100n]);
    foreign.committed('p.outcomes', [104n]);
    expect(found()).toEqual([
      ['events', '9', '9'],
      ['events', '12', '12'],
      ['outcomes', '102', '103'],
    ]);
  });

  it('is not known behind a transaction in which a topic got nothing', () => {
    foreign.committed('p.outcomes', [3n]);
    foreign.committed('p.outcomes', []);
    foreign.committed('p.outcomes', [6n]);
    expect(found()).toEqual([]);
  });

  it('is not known of what came while it started over', () => {
    foreign.committed('p.events', [7n]);
    foreign.forget();
    foreign.committed('p.events', [20n]);
    foreign.committed('p.events', [22n]);
    expect(found()).toEqual([]);
  });
});
