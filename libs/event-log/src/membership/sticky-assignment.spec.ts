import fc from 'fast-check';
import { assignStickily, type Member } from './sticky-assignment.js';

const PARTITIONS = 8;

/** Members as a rebalance finds them: some hold partitions, some hold what another also believes to hold. */
const members = fc
  .uniqueArray(fc.string({ minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 10 })
  .chain((ids) =>
    fc.tuple(
      ...ids.map((id) =>
        fc
          .uniqueArray(fc.integer({ min: 0, max: PARTITIONS - 1 }), { maxLength: PARTITIONS })
          .map((holds): Member => ({ id, holds })),
      ),
    ),
  );

describe('the sharing of partitions', () => {
  it('gives each partition to one member, and as many to each as to any other, give or take one', () => {
    fc.assert(
      fc.property(members, (all) => {
        const shares = [...assignStickily(all, PARTITIONS).values()];
        expect(shares.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: PARTITIONS }, (_, index) => index));
        const sizes = shares.map(({ length }) => length);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('leaves everything where it is when nobody came or went', () => {
    fc.assert(
      fc.property(members, (all) => {
        const before = assignStickily(all, PARTITIONS);
        const again = assignStickily(
          all.map(({ id }) => ({ id, holds: before.get(id) ?? [] })),
          PARTITIONS,
        );
        expect(again).toEqual(before);
      }),
    );
  });

  it('takes from nobody more than what a newcomer needs', () => {
    const before = assignStickily([{ id: 'a', holds: [] }], PARTITIONS);
    const shares = assignStickily(
      [
        { id: 'a', holds: before.get('a') ?? [] },
        { id: 'b', holds: [] },
      ],
      PARTITIONS,
    );
    expect(shares.get('a')).toHaveLength(4);
    expect(before.get('a')).toEqual(expect.arrayContaining(shares.get('a') ?? []));
  });
});
