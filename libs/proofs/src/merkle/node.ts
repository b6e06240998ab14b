import { EMPTY_ROOT, nodeHash } from './hash.js';

/**
 * A node over a full subtree: level 0 are the leaves, and the node (level, index) is over the 2^level leaves from
 * `index * 2^level`. Once it is there it never changes, whatever the tree grows to, so these are what is stored; every
 * other node of RFC 9162 is a fold of them.
 */
export interface NodeId {
  level: number;
  index: number;
}

/** The leaves from `begin` up to, not including, `end`. */
export interface LeafRange {
  begin: number;
  end: number;
}

/** Gives the hash of a stored node; throws when there is none. */
export type ReadNode = (node: NodeId) => Buffer;

/** The largest power of two smaller than `size`, where RFC 9162 splits a tree of two leaves and more. */
export function splitPoint(size: number): number {
  let point = 1;
  while (point * 2 < size) point *= 2;
  return point;
}

/**
 * The full subtrees that make up the tree over a range, from the left, each smaller than the one before. The range must
 * begin where a subtree of its size can, as every range in a proof does.
 */
export function subtreesOf({ begin, end }: LeafRange): NodeId[] {
  const nodes: NodeId[] = [];
  let level = 0;
  while (2 ** (level + 1) <= end - begin) level += 1;
  for (let from = begin; from < end; level--) {
    const width = 2 ** level;
    if (width > end - from) continue;
    nodes.push({ level, index: from / width });
    from += width;
  }
  return nodes;
}

/** The head of the tree over a range: its full subtrees folded from the right (RFC 9162, 2.1.1). */
export function rangeHash(range: LeafRange, read: ReadNode): Buffer {
  const hashes = subtreesOf(range).map(read);
  return hashes.length === 0 ? EMPTY_ROOT : hashes.reduceRight((right, left) => nodeHash(left, right));
}
