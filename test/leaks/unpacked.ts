import { types } from 'node:util';
import { zstdDecompressSync } from 'node:zlib';

/** RFC 8878 §3.1.1: a frame begins so. */
const ZSTD_MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

/** Bytes with what is packed in them (zstd, as snapshots are), for a search. */
export function unpacked(bytes: Buffer): Buffer {
  const parts = [bytes];
  for (let at = bytes.indexOf(ZSTD_MAGIC); at >= 0; at = bytes.indexOf(ZSTD_MAGIC, at + 1)) {
    try {
      parts.push(zstdDecompressSync(bytes.subarray(at)));
    } catch (error) {
      // Four bytes that only look like a frame.
      if (!types.isNativeError(error)) throw error;
    }
  }
  return Buffer.concat(parts);
}
