import fc from 'fast-check';
import { UnderWay } from './under-way.js';

describe('what is under way', () => {
  it('holds what began and is not over, whatever ends first and how often it is said', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 30 }), { maxLength: 200 }), (choices) => {
        const underWay = new UnderWay<number>();
        const expected = new Set<number>();
        const ends: { readonly item: number; readonly end: () => void }[] = [];
        for (const [item, choice] of choices.entries()) {
          const chosen = ends[choice];
          if (chosen) {
            chosen.end();
            expected.delete(chosen.item);
          } else {
            ends.push({ item, end: underWay.begin(item) });
            expected.add(item);
          }
          expect(underWay.size).toBe(expected.size);
          expect([...underWay.all].sort()).toEqual([...expected].sort());
        }
      }),
    );
  });
});
