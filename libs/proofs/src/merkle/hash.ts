import { createHash } from 'node:crypto';

/** How many bytes a hash has. */
export const HASH_LENGTH = 32;

/** SHA-256 of no bytes: the head of a tree without leaves (RFC 9162, 2.1.1). */
export const EMPTY_ROOT: Buffer = createHash('sha256').digest();

const LEAF = Buffer.of(0x00);
const NODE = Buffer.of(0x01);

/** The hash of a leaf, `SHA-256(0x00 || data)`: the prefix keeps a node from passing as a leaf (RFC 9162, 2.1.1). */
export function leafHash(data: Uint8Array): Buffer {
  return createHash('sha256').update(LEAF).update(data).digest();
}

/** The hash of an inner node, `SHA-256(0x01 || left || right)` (RFC 9162, 2.1.1). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  return createHash('sha256').update(NODE).update(left).update(right).digest();
}
