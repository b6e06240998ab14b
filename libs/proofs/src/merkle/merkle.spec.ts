import fc from 'fast-check';
import { CompactRange, edgeOf } from './compact-range.js';
import { consistencyRanges, verifyConsistency } from './consistency.js';
import { EMPTY_ROOT, leafHash } from './hash.js';
import { inclusionRanges, verifyInclusion } from './inclusion.js';
import { grown, leavesOf, naiveRoot } from './merkle.arbitrary.js';
import { rangeHash } from './node.js';

/** The leaves and heads of the certificate-transparency project's tests. */
const INPUTS = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'].map(
  (hex) => Buffer.from(hex, 'hex'),
);
const ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];
const H1 = '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7';
const H23 = '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e';
const H47 = '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4';
const H4 = 'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b';
const H45 = '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a';
const H67 = 'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0';
const H03 = 'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7';

const LARGEST = 70;
const size = fc.integer({ min: 1, max: LARGEST });
const tree = grown(leavesOf(LARGEST));
const rootAt = (at: number): Buffer => rangeHash({ begin: 0, end: at }, tree.read);

describe('the vectors of certificate-transparency', () => {
  const known = grown(INPUTS);
  const hex = (ranges: { begin: number; end: number }[]) =>
    ranges.map((range) => rangeHash(range, known.read).toString('hex'));

  it.each(ROOTS.map((root, at) => ({ at, root })))('has the head of $at leaves', ({ at, root }) => {
    expect(grown(INPUTS.slice(0, at)).range.root().toString('hex')).toBe(root);
    expect(rangeHash({ begin: 0, end: at }, known.read).toString('hex')).toBe(root);
  });

  it.each([
    { index: 0, of: 1, path: [] },
    { index: 0, of: 8, path: [H1, H23, H47] },
    { index: 5, of: 8, path: [H4, H67, H03] },
    { index: 2, of: 3, path: ['fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125'] },
  ])('proves leaf $index of $of', ({ index, of, path }) => {
    expect(hex(inclusionRanges(index, of))).toEqual(path);
  });

  it.each([
    { from: 1, to: 1, path: [] },
    { from: 1, to: 8, path: [H1, H23, H47] },
    { from: 6, to: 8, path: [H45, H67, H03] },
    { from: 2, to: 5, path: [H23, H4] },
  ])('proves that $to leaves follow $from', ({ from, to, path }) => {
    expect(hex(consistencyRanges(from, to))).toEqual(path);
  });
});

describe('a tree that grows', () => {
  it('has at every size the head that the definition gives', () => {
    const leaves = leavesOf(LARGEST);
    const range = new CompactRange();
    leaves.forEach((leaf, index) => {
      range.append(leafHash(leaf));
      expect(range.root()).toEqual(naiveRoot(leaves.slice(0, index + 1)));
      expect(range.size).toBe(index + 1);
    });
  });

  it('goes on from its edge as if it had never stopped', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: LARGEST }), (stop) => {
        const leaves = leavesOf(LARGEST);
        const resumed = new CompactRange(stop, edgeOf(stop).map(tree.read));
        for (const leaf of leaves.slice(stop)) resumed.append(leafHash(leaf));
        expect(resumed.root()).toEqual(tree.range.root());
      }),
    );
  });

  it('refuses the edge of another size', () => {
    expect(() => new CompactRange(3, [EMPTY_ROOT])).toThrow(RangeError);
  });
});

describe('an inclusion proof', () => {
  const proved = size.chain((of) =>
    fc.integer({ min: 0, max: of - 1 }).map((index) => ({
      index,
      size: of,
      leaf: tree.read({ level: 0, index }),
      root: rootAt(of),
      proof: inclusionRanges(index, of).map((range) => rangeHash(range, tree.read)),
    })),
  );

  it('verifies', () => {
    fc.assert(fc.property(proved, (claim) => verifyInclusion(claim)));
  });

  it('fails when one bit of it, of the leaf or of the head is another', () => {
    fc.assert(
      fc.property(proved, fc.nat(), fc.nat(), (claim, which, bit) => {
        const hashes = [claim.leaf, claim.root, ...claim.proof];
        const [leaf, root, ...proof] = flipped(hashes, which % hashes.length, bit % 256);
        expect(verifyInclusion({ ...claim, leaf: leaf ?? EMPTY_ROOT, root: root ?? EMPTY_ROOT, proof })).toBe(false);
      }),
    );
  });

  it('fails for another place, with a hash too many and with one too few', () => {
    fc.assert(
      fc.property(proved, fc.integer({ min: -1, max: LARGEST }), (claim, index) => {
        fc.pre(index !== claim.index);
        expect(verifyInclusion({ ...claim, index })).toBe(false);
        expect(verifyInclusion({ ...claim, proof: [...claim.proof, EMPTY_ROOT] })).toBe(false);
        if (claim.proof.length > 0) expect(verifyInclusion({ ...claim, proof: claim.proof.slice(1) })).toBe(false);
        // Cut short, the last of them is what was hashed before, if nobody looks at its length; too long, it is none.
        for (const change of [
          (hash: Uint8Array) => hash.subarray(0, 16),
          (hash: Uint8Array) => Buffer.concat([hash, hash]),
        ])
          if (claim.proof.length > 0) expect(verifyInclusion({ ...claim, proof: claim.proof.map(change) })).toBe(false);
      }),
    );
  });

  it.each([
    [0, 0],
    [3, 3],
    [-1, 3],
    [0.5, 3],
  ])('is not made for leaf %d of %d', (index, of) => {
    expect(() => inclusionRanges(index, of)).toThrow(RangeError);
    expect(verifyInclusion({ index, size: of, leaf: EMPTY_ROOT, root: EMPTY_ROOT, proof: [] })).toBe(false);
  });
});

describe('a consistency proof', () => {
  const proved = size.chain((later) =>
    fc.integer({ min: 0, max: later }).map((earlier) => ({
      earlier: { size: earlier, root: rootAt(earlier) },
      later: { size: later, root: rootAt(later) },
      proof: consistencyRanges(earlier, later).map((range) => rangeHash(range, tree.read)),
    })),
  );

  it('verifies', () => {
    fc.assert(fc.property(proved, (claim) => verifyConsistency(claim)));
  });

  it('fails when one bit of it or of a head is another', () => {
    fc.assert(
      fc.property(proved, fc.nat(), fc.nat(), ({ earlier, later, proof }, which, bit) => {
        // Anything follows a tree of no leaves, so there the later head is free.
        const hashes = earlier.size === 0 ? [earlier.root] : [earlier.root, later.root, ...proof];
        const [first, second, ...rest] = flipped(hashes, which % hashes.length, bit % 256);
        const claim = {
          earlier: { ...earlier, root: first ?? EMPTY_ROOT },
          later: { ...later, root: second ?? later.root },
          proof: rest,
        };
        expect(verifyConsistency(claim)).toBe(false);
      }),
    );
  });

  it('fails with a hash too many and with one too few', () => {
    fc.assert(
      fc.property(proved, (claim) => {
        expect(verifyConsistency({ ...claim, proof: [...claim.proof, EMPTY_ROOT] })).toBe(false);
        if (claim.proof.length > 0) expect(verifyConsistency({ ...claim, proof: claim.proof.slice(1) })).toBe(false);
      }),
    );
  });

  it('fails for a log that was forked: same size, one leaf another', () => {
    fc.assert(
      fc.property(size, fc.nat(), (later, at) => {
        const place = at % later;
        const forked = grown(leavesOf(LARGEST).map((leaf, index) => (index === place ? Buffer.from('forged') : leaf)));
        const earlier = { size: later, root: rootAt(later) };
        const proof = consistencyRanges(later, LARGEST).map((range) => rangeHash(range, forked.read));
        const head = { size: LARGEST, root: forked.range.root() };
        expect(verifyConsistency({ earlier, later: head, proof })).toBe(false);
      }),
    );
  });

  it('is not made backwards', () => {
    expect(() => consistencyRanges(4, 3)).toThrow(RangeError);
    const [three, four] = [3, 4].map((at) => ({ size: at, root: rootAt(at) }));
    if (three === undefined || four === undefined) throw new Error('two heads');
    expect(verifyConsistency({ earlier: four, later: three, proof: [] })).toBe(false);
  });
});

function flipped(hashes: readonly Buffer[], which: number, bit: number): Buffer[] {
  return hashes.map((hash, index) => {
    if (index !== which) return hash;
    const other = Buffer.from(hash);
    other.writeUInt8(other.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    return other;
  });
}
