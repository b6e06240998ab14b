import fc from 'fast-check';
import { countRuns, type Numbered } from './run-numbers.js';

const numbered = (run: string, ...sequences: readonly number[]): Numbered[] =>
  sequences.map((sequence, at) => ({ run, sequence, offset: BigInt(at) }));

describe('the numbers of runs', () => {
  it('shows what is missing between two records, and before the first', () => {
    expect(countRuns(new Map(), numbered('a', 2, 3, 7))).toEqual([
      { run: 'a', from: 0, to: 1, offset: 0n },
      { run: 'a', from: 4, to: 6, offset: 2n },
    ]);
  });

  it('takes a record that comes twice for one', () => {
    expect(countRuns(new Map(), numbered('a', 0, 1, 0, 1, 2, 2, 3))).toEqual([]);
  });

  it('finds exactly the numbers that were lost, however runs are mixed and batches are cut', () => {
    const losses = fc.array(fc.boolean(), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(losses, losses, fc.nat(24), fc.infiniteStream(fc.boolean()), (first, second, cut, mix) => {
        const left = [first, second].map((lost, run) =>
          lost.flatMap((gone, sequence) => (gone ? [] : [{ run: `run-${run}`, sequence, offset: 0n }])),
        );
        const written: Numbered[] = [];
        for (const takeFirst of mix) {
          const [one, other] = takeFirst ? left : left.toReversed();
          const record = one?.shift() ?? other?.shift();
          if (record === undefined) break;
          written.push(record);
        }
        const next = new Map<string, number>();
        const gaps = [...countRuns(next, written.slice(0, cut)), ...countRuns(next, written.slice(cut))];
        const missing = gaps.flatMap(({ run, from, to }) =>
          Array.from({ length: to - from + 1 }, (_, at) => `${run}:${from + at}`),
        );
        const lost = [first, second].flatMap((all, run) => {
          const last = all.lastIndexOf(false);
          return all.flatMap((gone, sequence) => (gone && sequence < last ? [`run-${run}:${sequence}`] : []));
        });
        expect(missing.toSorted()).toEqual(lost.toSorted());
      }),
    );
  });
});
