import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import KafkajsDecoder from 'kafkajs/src/protocol/decoder.js';
import decodeByKafkajs from 'kafkajs/src/protocol/recordBatch/v0/decoder.js';
import { crc32c } from './crc32c.js';
import { decodeBatches, encodeBatch, encodeHeaders, headerOf, type NewBatch, UnreadableBatch } from './record-batch.js';

const about: NewBatch = {
  producerId: 4_000_000_017n,
  producerEpoch: 3,
  firstSequence: 90,
  inTransaction: true,
  time: Date.UTC(2026, 10, 27),
  headers: encodeHeaders({ 'content-type': 'application/json' }),
};
/** Where the bytes that the checksum covers begin, and the records. */
const [COVERED, RECORDS] = [21, 61];

const text = fc.string({ unit: 'binary', maxLength: 300 }).map((it) => it.toWellFormed());
const records = fc.array(fc.record({ key: text, value: text }), { minLength: 1, maxLength: 200 });

describe('a batch of records', () => {
  test('is read by kafkajs as it was written', async () => {
    await fc.assert(
      fc.asyncProperty(records, fc.boolean(), async (written, inTransaction) => {
        const bytes = encodeBatch(written, { ...about, inTransaction });
        const read = await decodeByKafkajs(new KafkajsDecoder(bytes));
        expect(read).toMatchObject({
          firstOffset: '0',
          lastOffsetDelta: written.length - 1,
          producerId: String(about.producerId),
          producerEpoch: about.producerEpoch,
          firstSequence: about.firstSequence,
          inTransaction,
          isControlBatch: false,
          maxTimestamp: String(about.time),
        });
        expect(
          read.records.map(({ offset, key, value, headers }) => [
            offset,
            key?.toString(),
            value?.toString(),
            headers['content-type']?.toString(),
          ]),
        ).toEqual(written.map(({ key, value }, index) => [String(index), key, value, 'application/json']));
        expect(bytes.readUInt32BE(17)).toBe(crc32c(bytes, COVERED));
      }),
    );
  });

  test('is read here as it was written, several in a row, and the one that is cut off is left out', () => {
    fc.assert(
      fc.property(fc.array(records, { minLength: 1, maxLength: 4 }), fc.nat(), (batches, cut) => {
        const encoded = batches.map((each, index) => {
          const bytes = encodeBatch(each, about);
          bytes.writeBigInt64BE(BigInt(index) * 1_000n, 0);
          return bytes;
        });
        const last = encoded.at(-1) ?? Buffer.alloc(0);
        const part = last.subarray(0, cut % last.length);
        const read = decodeBatches(Buffer.concat([...encoded, part]));
        expect(
          read.map((batch) => ({
            from: batch.firstOffset,
            to: batch.lastOffset,
            texts: batch.records.map(({ offsetDelta, key, value }) => [
              offsetDelta,
              key?.toString('utf8'),
              value?.toString('utf8'),
            ]),
          })),
        ).toEqual(
          batches.map((each, index) => ({
            from: BigInt(index) * 1_000n,
            to: BigInt(index) * 1_000n + BigInt(each.length - 1),
            texts: each.map(({ key, value }, offset) => [offset, key, value]),
          })),
        );
      }),
    );
  });

  test('has headers of its own where a record has some, and those of all where not', async () => {
    const headers = encodeHeaders({ 'content-type': 'text/plain', traceparent: '00-aa-bb-01' });
    const written = [
      { key: 'k', value: 'one' },
      { key: 'k', value: 'two', headers },
      { key: 'k', value: 'three' },
    ];
    const bytes = encodeBatch(written, about);
    const [batch] = decodeBatches(bytes);
    expect(batch?.records.map((record) => headerOf(record.headers, 'traceparent'))).toEqual([
      undefined,
      '00-aa-bb-01',
      undefined,
    ]);
    expect(batch?.records.map((record) => headerOf(record.headers, 'content-type'))).toEqual([
      'application/json',
      'text/plain',
      'application/json',
    ]);
    const { records: read } = await decodeByKafkajs(new KafkajsDecoder(bytes));
    expect(read.map((record) => record.headers['traceparent']?.toString())).toEqual([
      undefined,
      '00-aa-bb-01',
      undefined,
    ]);
  });

  test.each([
    ['gzip', 1, gzipSync],
    ['zstd', 4, zstdCompressSync],
  ] as const)('compressed by %s, as a topic may be configured, is read', (_name, way, compress) => {
    const plain = encodeBatch([{ key: 'k', value: 'a value' }], about);
    const packed = Buffer.concat([plain.subarray(0, RECORDS), compress(plain.subarray(RECORDS))]);
    packed.writeInt32BE(packed.length - 12, 8);
    packed.writeInt16BE(way, COVERED);
    expect(decodeBatches(packed)[0]?.records[0]?.value?.toString()).toBe('a value');
  });

  test('that compaction has emptied still says where reading goes on', () => {
    const empty = encodeBatch([{ key: 'k', value: 'gone' }], about).subarray(0, RECORDS);
    empty.writeInt32BE(RECORDS - 12, 8);
    empty.writeInt32BE(6, 23);
    empty.writeInt32BE(0, 57);
    expect(decodeBatches(empty)).toMatchObject([{ firstOffset: 0n, lastOffset: 6n, records: [] }]);
  });

  test.each([
    ['of an older form', (bytes: Buffer) => bytes.writeInt8(1, 16)],
    ['compressed by lz4', (bytes: Buffer) => bytes.writeInt16BE(3, COVERED)],
    ['with a record longer than it', (bytes: Buffer) => bytes.writeInt8(0x7e, RECORDS + 4)],
    ['with more records than it has bytes for', (bytes: Buffer) => bytes.writeInt32BE(9, 57)],
  ])('%s is refused, and nothing is read of it', (_name, change) => {
    const bytes = encodeBatch([{ key: 'k', value: 'v' }], about);
    change(bytes);
    expect(() => decodeBatches(bytes)).toThrow(UnreadableBatch);
  });
});

describe('CRC-32C', () => {
  test.each([
    ['RFC 3720 B.4, 32 bytes of zeroes', Buffer.alloc(32), 0x8a9136aa],
    ['RFC 3720 B.4, 32 bytes of ones', Buffer.alloc(32, 0xff), 0x62a8ab43],
    ['RFC 3720 B.4, 32 incrementing bytes', Buffer.from(Array.from({ length: 32 }, (_, at) => at)), 0x46dd794e],
    ['the check value of the catalogues', Buffer.from('123456789'), 0xe3069283],
    ['nothing', Buffer.alloc(0), 0],
  ])('%s', (_name, bytes, sum) => {
    expect(crc32c(bytes)).toBe(sum);
  });
});
