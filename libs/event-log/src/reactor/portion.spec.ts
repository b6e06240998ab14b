import { nextPortion } from './portion.js';

const poison = new Error('not one of ours');
/** Even numbers ask something of themselves; 13 cannot be read. */
const read = (record: number): string | undefined => {
  if (record === 13) throw poison;
  return record % 2 === 0 ? `asks ${record}` : undefined;
};

describe('what of a fetch is asked for together', () => {
  test.each<[string, readonly number[], number, object]>([
    ['nothing', [], 0, { asking: [], end: 0 }],
    ['as many as ask something', [1, 2, 4, 5, 6], 0, { asking: ['asks 2', 'asks 4'], end: 3 }],
    ['the rest', [1, 2, 4, 5, 6, 7], 3, { asking: ['asks 6'], end: 6 }],
    [
      'what stands before a record that cannot be read',
      [2, 13, 4],
      0,
      { asking: ['asks 2'], end: 1, fault: { error: poison } },
    ],
    ['nothing, where that is the first', [2, 13, 4], 1, { asking: [], end: 1, fault: { error: poison } }],
  ])('%s', (_what, records, at, portion) => {
    expect(nextPortion(records, at, 2, read)).toEqual(portion);
  });

  test('no record is read before its portion’s turn', () => {
    const seen: number[] = [];
    nextPortion([2, 4, 6, 8], 0, 2, (record) => (seen.push(record), read(record)));
    expect(seen).toEqual([2, 4]);
  });
});
