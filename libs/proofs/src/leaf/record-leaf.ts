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
export function recordLeafData(record: RecordBytes): Buffer {
  return Buffer.concat(piecesOf(record));
}

/** The leaf that a record is in the tree of its partition. */
export function recordLeaf(record: RecordBytes): Buffer {
  return leafHash(...piecesOf(record));
}

const NONE = 0xffff_ffff;
const NO_BYTES = new Uint8Array(0);

function piecesOf({ topic, partition, offset, key, value }: RecordBytes): Uint8Array[] {
  const topicSize = Buffer.byteLength(topic);
  const place = Buffer.allocUnsafe(4 + topicSize + 16);
  place.writeUInt32BE(topicSize, 0);
  place.write(topic, 4);
  place.writeUInt32BE(partition, 4 + topicSize);
  place.writeBigUInt64BE(BigInt(offset), 8 + topicSize);
  place.writeUInt32BE(key?.length ?? NONE, 16 + topicSize);
  const valueSize = Buffer.allocUnsafe(4);
  valueSize.writeUInt32BE(value?.length ?? NONE);
  return [place, key ?? NO_BYTES, valueSize, value ?? NO_BYTES];
}
