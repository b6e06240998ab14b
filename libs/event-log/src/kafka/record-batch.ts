import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { crc32c } from './crc32c.js';

/** A record inside its batch. */
export interface BatchRecord {
  /** From the batch's first offset. */
  readonly offsetDelta: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** As they stand at its end: see {@link headerOf}. */
  readonly headers: Buffer;
}

/** A batch as the log keeps it: one producer's, and all of one transaction or of none. */
export interface RecordBatch {
  readonly firstOffset: bigint;
  /** Compaction may have taken the record that stood there. */
  readonly lastOffset: bigint;
  readonly producerId: bigint;
  readonly inTransaction: boolean;
  /** It holds a marker, and no record of anybody. */
  readonly isControl: boolean;
  readonly records: readonly BatchRecord[];
}

/** What is written of a record. */
export interface NewRecord {
  readonly key: string;
  readonly value: string;
  /** In the place of the batch's, as {@link encodeHeaders} makes them. */
  readonly headers?: Buffer;
}

/** Around the records of a new batch. */
export interface NewBatch {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly firstSequence: number;
  readonly inTransaction: boolean;
  /** Milliseconds since 1970, of all records. */
  readonly time: number;
  /** Of every record that has none of its own, as {@link encodeHeaders} makes them. */
  readonly headers: Buffer;
}

/** A batch that cannot be read: of a form before Kafka 0.11, or compressed in a way that is not known here. */
export class UnreadableBatch extends Error {
  override readonly name = 'UnreadableBatch';
  readonly code = 'unreadable-batch';
}

/** Places in a batch's head (Kafka's protocol guide, Record Batch). */
const AT = {
  firstOffset: 0,
  length: 8,
  leaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  firstTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  firstSequence: 53,
  count: 57,
  records: 61,
} as const;
/** The length counts from behind itself. */
const LENGTH_FROM = AT.length + 4;
const MAGIC = 2;
const COMPRESSION = 0x07;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;
/** Of a record, before its key: attributes and the time's distance, both 0. */
const RECORD_HEAD = 2;

/**
 * The batches of one partition in a fetch's answer. The last one may be cut off where the answer's bound was: it is
 * left out, and fetched again.
 *
 * @throws UnreadableBatch
 */
export function decodeBatches(bytes: Buffer): RecordBatch[] {
  const batches: RecordBatch[] = [];
  for (let at = 0; bytes.length - at > LENGTH_FROM;) {
    const end = at + LENGTH_FROM + bytes.readInt32BE(at + AT.length);
    if (end > bytes.length) break;
    batches.push(decodeBatch(bytes.subarray(at, end)));
    at = end;
  }
  return batches;
}

function decodeBatch(batch: Buffer): RecordBatch {
  const magic = batch.readInt8(AT.magic);
  if (magic !== MAGIC) throw new UnreadableBatch(`a batch of form ${magic} is not read here`);
  const attributes = batch.readInt16BE(AT.attributes);
  const firstOffset = batch.readBigInt64BE(AT.firstOffset);
  return {
    firstOffset,
    lastOffset: firstOffset + BigInt(batch.readInt32BE(AT.lastOffsetDelta)),
    producerId: batch.readBigInt64BE(AT.producerId),
    inTransaction: (attributes & TRANSACTIONAL) !== 0,
    isControl: (attributes & CONTROL) !== 0,
    records: decodeRecords(
      decompressed(batch.subarray(AT.records), attributes & COMPRESSION),
      batch.readInt32BE(AT.count),
    ),
  };
}

function decompressed(records: Buffer, compression: number): Buffer {
  switch (compression) {
    case 0:
      return records;
    case 1:
      return gunzipSync(records);
    case 4:
      return zstdDecompressSync(records);
    default:
      throw new UnreadableBatch(`a batch is compressed in way ${compression}; none, gzip and zstd are read`);
  }
}

function decodeRecords(bytes: Buffer, count: number): BatchRecord[] {
  const records: BatchRecord[] = [];
  const from = new Cursor(bytes);
  for (let index = 0; index < count; index++) {
    const end = from.varint() + from.at;
    from.at++; // attributes
    from.skipVarint(); // the time
    const offsetDelta = from.varint();
    const key = from.sized();
    const value = from.sized();
    records.push({ offsetDelta, key, value, headers: bytes.subarray(from.at, end) });
    from.at = end;
  }
  return records;
}

/** Reads numbers and byte strings of records, one after the other. */
class Cursor {
  at = 0;

  constructor(private readonly bytes: Buffer) {}

  varint(): number {
    let raw = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.bytes[this.at++];
      if (byte === undefined || shift > 28) throw new UnreadableBatch('a record ends in the middle of a number');
      raw |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (raw >>> 1) ^ -(raw & 1);
    }
  }

  skipVarint(): void {
    while ((this.bytes[this.at++] ?? 0) >= 0x80);
  }

  sized(): Buffer | null {
    const length = this.varint();
    if (length < 0) return null;
    const from = this.at;
    this.at += length;
    if (this.at > this.bytes.length) throw new UnreadableBatch('a record is longer than its batch');
    return this.bytes.subarray(from, this.at);
  }
}

/**
 * The text of a record's header; undefined where it has none of that name.
 *
 * @throws UnreadableBatch
 */
export function headerOf(headers: Buffer, name: string): string | undefined {
  const from = new Cursor(headers);
  for (let left = from.varint(); left > 0; left--) {
    const [key, value] = [from.sized(), from.sized()];
    if (key?.toString('utf8') === name) return value?.toString('utf8');
  }
  return undefined;
}

/** One batch of records, as a produce request carries it. */
export function encodeBatch(records: readonly NewRecord[], about: NewBatch): Buffer {
  const sizes = records.map(({ key, value, headers = about.headers }, index) =>
    sizeOf(key, value, index, headers.length),
  );
  const total = sizes.reduce((sum, { body }) => sum + varintSize(body) + body, 0);
  const batch = Buffer.allocUnsafe(AT.records + total);
  batch.writeBigInt64BE(0n, AT.firstOffset); // the broker's to say, as is the leader's epoch
  batch.writeInt32BE(batch.length - LENGTH_FROM, AT.length);
  batch.writeInt32BE(-1, AT.leaderEpoch);
  batch.writeInt8(MAGIC, AT.magic);
  batch.writeInt16BE(about.inTransaction ? TRANSACTIONAL : 0, AT.attributes);
  batch.writeInt32BE(records.length - 1, AT.lastOffsetDelta);
  batch.writeBigInt64BE(BigInt(about.time), AT.firstTimestamp);
  batch.writeBigInt64BE(BigInt(about.time), AT.maxTimestamp);
  batch.writeBigInt64BE(about.producerId, AT.producerId);
  batch.writeInt16BE(about.producerEpoch, AT.producerEpoch);
  batch.writeInt32BE(about.firstSequence, AT.firstSequence);
  batch.writeInt32BE(records.length, AT.count);
  let at: number = AT.records;
  records.forEach(({ key, value, headers = about.headers }, index) => {
    const size = sizes[index];
    if (!size) return;
    at = writeVarint(batch, size.body, at);
    batch[at++] = 0;
    batch[at++] = 0;
    at = writeVarint(batch, index, at);
    at = writeVarint(batch, size.key, at);
    at += batch.write(key, at, 'utf8');
    at = writeVarint(batch, size.value, at);
    at += batch.write(value, at, 'utf8');
    at += headers.copy(batch, at);
  });
  batch.writeUInt32BE(crc32c(batch, AT.attributes), AT.crc);
  return batch;
}

/** How many bytes a record takes, and its parts; `body` is without the number that tells it. */
function sizeOf(key: string, value: string, index: number, headers: number) {
  const keySize = Buffer.byteLength(key);
  const valueSize = Buffer.byteLength(value);
  const body =
    RECORD_HEAD + varintSize(index) + varintSize(keySize) + keySize + varintSize(valueSize) + valueSize + headers;
  return { body, key: keySize, value: valueSize };
}

/** Headers as they stand at the end of a record. */
export function encodeHeaders(headers: Readonly<Record<string, string>>): Buffer {
  const entries = Object.entries(headers);
  const texts = entries.flat().map((text) => Buffer.from(text));
  const pieces = [encodeVarint(entries.length), ...texts.flatMap((text) => [encodeVarint(text.length), text])];
  return Buffer.concat(pieces);
}

function encodeVarint(value: number): Buffer {
  const bytes = Buffer.alloc(varintSize(value));
  writeVarint(bytes, value, 0);
  return bytes;
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = zigzag(value); rest > 0x7f; rest >>>= 7) size++;
  return size;
}

function writeVarint(bytes: Buffer, value: number, from: number): number {
  let at = from;
  let rest = zigzag(value);
  for (; rest > 0x7f; rest >>>= 7) bytes[at++] = (rest & 0x7f) | 0x80;
  bytes[at++] = rest;
  return at;
}

/** Small numbers of either sign become small ones without. */
function zigzag(value: number): number {
  return ((value << 1) ^ (value >> 31)) >>> 0;
}
