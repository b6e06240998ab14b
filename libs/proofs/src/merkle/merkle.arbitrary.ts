import { leafHash, nodeHash, EMPTY_ROOT } from './hash.js';
import type { NodeId, ReadNode } from './node.js';
import { splitPoint } from './node.js';
import { CompactRange } from './compact-range.js';

/** The head as RFC 9162, 2.1.1 writes it down: slow, and plainly right. */
export function naiveRoot(leaves: readonly Uint8Array[]): Buffer {
  const [first] = leaves;
  if (first === undefined) return EMPTY_ROOT;
  if (leaves.length === 1) return leafHash(first);
  const split = splitPoint(leaves.length);
  return nodeHash(naiveRoot(leaves.slice(0, split)), naiveRoot(leaves.slice(split)));
}

/** A tree in memory, made by appending. */
export function grown(leaves: readonly Uint8Array[]): { range: CompactRange; read: ReadNode } {
  const range = new CompactRange();
  const nodes = new Map<string, Buffer>();
  for (const leaf of leaves)
    for (const { level, index, hash } of range.append(leafHash(leaf))) nodes.set(`${level}/${index}`, hash);
  const read = ({ level, index }: NodeId): Buffer => {
    const hash = nodes.get(`${level}/${index}`);
    if (hash === undefined) throw new RangeError(`no node ${level}/${index}`);
    return hash;
  };
  return { range, read };
}

/** Leaves that all differ. */
export function leavesOf(size: number): Buffer[] {
  return Array.from({ length: size }, (_, index) => Buffer.from(`leaf ${index}`));
}
