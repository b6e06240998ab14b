import { hash } from 'node:crypto';

/** How many bytes a hash has. */
export const HASH_LENGTH = 32;

/** SHA-256 of no bytes: the head of a tree without leaves (RFC 9162, 2.1.1). */
export const EMPTY_ROOT: Buffer = sha256(Buffer.alloc(0));

const LEAF = Buffer.of(0x00);

/** The hash of a leaf, `SHA-256(0x00 || data)`, of data in one piece or several: the prefix keeps a node from passing as a leaf (RFC 9162, 2.1.1). */
export function leafHash(...data: readonly Uint8Array[]): Buffer {
  return sha256(Buffer.concat([LEAF, ...data]));
}

/** Whether all of them can be hashes: what another says is one may have any length. */
export function areHashes(...all: readonly Uint8Array[]): boolean {
  return all.every(({ length }) => length === HASH_LENGTH);
}

/** `0x01`, and room for two hashes. */
const node = Buffer.alloc(1 + 2 * HASH_LENGTH, 0x01);

/** The hash of an inner node, `SHA-256(0x01 || left || right)` (RFC 9162, 2.1.1), of two hashes. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  node.set(left, 1);
  node.set(right, 1 + HASH_LENGTH);
  return sha256(node);
}

/** At once, and by way of a text: together a third of what it costs in pieces and with memory of its own for each hash. */
function sha256(data: Uint8Array): Buffer {
  return Buffer.from(hash('sha256', data, 'binary'), 'binary');
}
