import { EMPTY_ROOT, nodeHash } from './hash.js';
import { type NodeId, subtreesOf } from './node.js';

/** A node that a leaf completed, with its hash. */
export interface CompletedNode extends NodeId {
  hash: Buffer;
}

/**
 * A tree that grows, as little of it as is needed to go on: the hashes of the full subtrees at its right edge, largest
 * first, one for each bit that is set in its size. Appending costs O(1) amortised, and the head O(log n).
 */
export class CompactRange {
  private readonly right: Buffer[];

  /**
   * Goes on from a tree of `size` leaves, whose nodes of {@link edgeOf} have the hashes `edge`, in that order.
   * @throws RangeError when there are more or fewer hashes than such a tree has at its edge.
   */
  constructor(
    private leaves = 0,
    edge: readonly Buffer[] = [],
  ) {
    if (edge.length !== edgeOf(leaves).length) throw new RangeError(`a tree of ${leaves} leaves has another edge`);
    this.right = [...edge];
  }

  /** How many leaves the tree has. */
  get size(): number {
    return this.leaves;
  }

  /** What to go on from later: the hashes of {@link edgeOf} its size. */
  get edge(): readonly Buffer[] {
    return this.right;
  }

  /** Appends a leaf, and gives every node that it completes: the leaf itself first, then upwards. */
  append(leaf: Buffer): CompletedNode[] {
    const completed: CompletedNode[] = [{ level: 0, index: this.leaves, hash: leaf }];
    let hash = leaf;
    let index = this.leaves;
    for (let level = 1; index % 2 === 1; level++) {
      const left = this.right.pop();
      if (left === undefined) throw new RangeError('the edge has fewer hashes than its size has bits');
      index = (index - 1) / 2;
      hash = nodeHash(left, hash);
      completed.push({ level, index, hash });
    }
    this.right.push(hash);
    this.leaves += 1;
    return completed;
  }

  /** The head of the tree as it is now. */
  root(): Buffer {
    return this.right.length === 0 ? EMPTY_ROOT : this.right.reduceRight((right, left) => nodeHash(left, right));
  }
}

/** The nodes at the right edge of a tree of `size` leaves, largest first: what {@link CompactRange} goes on from. */
export function edgeOf(size: number): NodeId[] {
  return subtreesOf({ begin: 0, end: size });
}
