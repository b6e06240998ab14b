import { areHashes, EMPTY_ROOT, nodeHash } from './hash.js';
import { type LeafRange, splitPoint } from './node.js';

/**
 * What a consistency proof is made of: the ranges whose heads it lists (RFC 9162, 2.1.4.1). Empty from a tree of no
 * leaves, and between a tree and itself.
 * @throws RangeError when the tree at `size` is smaller than the one at `earlier`.
 */
export function consistencyRanges(earlier: number, size: number): LeafRange[] {
  if (!Number.isSafeInteger(earlier) || !Number.isSafeInteger(size) || earlier < 0 || earlier > size)
    throw new RangeError(`a tree of ${size} leaves does not follow one of ${earlier}`);
  if (earlier === 0 || earlier === size) return [];
  const ranges: LeafRange[] = [];
  let begin = 0;
  let end = size;
  while (earlier !== end) {
    const middle = begin + splitPoint(end - begin);
    if (earlier <= middle) {
      ranges.push({ begin: middle, end });
      end = middle;
    } else {
      ranges.push({ begin, end: middle });
      begin = middle;
    }
  }
  // A verifier has the earlier head already, which is this range when it begins with the tree.
  if (begin > 0) ranges.push({ begin, end });
  return ranges.reverse();
}

/** A claim that a tree only grew, with its proof. */
export interface Consistency {
  earlier: { size: number; root: Uint8Array };
  later: { size: number; root: Uint8Array };
  proof: readonly Uint8Array[];
}

/**
 * Whether the proof shows that the later tree has every leaf of the earlier one, in its place (RFC 9162, 2.1.4.2).
 * Anything follows a tree of no leaves, and needs an empty proof.
 */
export function verifyConsistency({ earlier, later, proof }: Consistency): boolean {
  if (!Number.isSafeInteger(earlier.size) || !Number.isSafeInteger(later.size)) return false;
  if (earlier.size < 0 || earlier.size > later.size) return false;
  if (!areHashes(earlier.root, later.root, ...proof)) return false;
  if (earlier.size === 0 && !EMPTY_ROOT.equals(earlier.root)) return false;
  if (earlier.size === later.size) return proof.length === 0 && Buffer.compare(earlier.root, later.root) === 0;
  if (earlier.size === 0) return proof.length === 0;

  // A full earlier tree is itself the first node of the path.
  const path =
    splitPoint(earlier.size) * 2 === earlier.size || earlier.size === 1 ? [earlier.root, ...proof] : [...proof];
  const [first, ...rest] = path;
  if (first === undefined) return false;
  let node = earlier.size - 1;
  let last = later.size - 1;
  while (node % 2 === 1) {
    node = Math.floor(node / 2);
    last = Math.floor(last / 2);
  }
  let earlierHash: Buffer = Buffer.from(first);
  let laterHash: Buffer = Buffer.from(first);
  for (const hash of rest) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      earlierHash = nodeHash(hash, earlierHash);
      laterHash = nodeHash(hash, laterHash);
      while (node % 2 === 0 && node !== 0) {
        node /= 2;
        last = Math.floor(last / 2);
      }
    } else {
      laterHash = nodeHash(laterHash, hash);
    }
    node = Math.floor(node / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 && earlierHash.equals(earlier.root) && laterHash.equals(later.root);
}
