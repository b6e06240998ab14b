import { leafHash } from '../merkle/hash.js';

/** A record as Kafka holds it, in its place. */
export interface RecordBytes {
  topic: string;
  partition: number;
  offset: string;
  key: Uint8Array | null;
  value: Uint8Array | null;
}

/**
 * The bytes that a record is a leaf by, all numbers big-endian: the topic's length in bytes (4) and the topic in UTF-8,
 * the partition (4), the offset (8), the key's length (4; ffffffff for none) and the key, the value's length (4; the
 * same) and the value. Lengths come before what they measure, so no two records have the same bytes. A record's headers
 * and its time are no part of it; ADR 0016 says why.
 */
export function recordLeafData({ topic, partition, offset, key, value }: RecordBytes): Buffer {
  const place = Buffer.alloc(12);
  place.writeUInt32BE(partition, 0);
  place.writeBigUInt64BE(BigInt(offset), 4);
  return Buffer.concat([...measured(Buffer.from(topic)), place, ...measured(key), ...measured(value)]);
}

/** The leaf that a record is in the tree of its partition. */
export function recordLeaf(record: RecordBytes): Buffer {
  return leafHash(recordLeafData(record));
}

const NONE = 0xffff_ffff;

function measured(bytes: Uint8Array | null): Uint8Array[] {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes?.length ?? NONE);
  return bytes === null ? [length] : [length, bytes];
}
