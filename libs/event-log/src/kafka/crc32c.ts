/** Castagnoli's polynomial, reflected. */
const POLYNOMIAL = 0x82f63b78;
const BYTE_VALUES = 256;
/** Bytes that are taken in one step. */
const WIDTH = 8;

/** Eight tables in one: the n-th gives what a byte does to the checksum when n more bytes follow it in the step. */
const TABLES = makeTables();

function makeTables(): Int32Array {
  const tables = new Int32Array(WIDTH * BYTE_VALUES);
  for (let byte = 0; byte < BYTE_VALUES; byte++) {
    let sum = byte;
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? POLYNOMIAL : 0);
    tables[byte] = sum;
  }
  for (let at = BYTE_VALUES; at < tables.length; at++) {
    const before = tables[at - BYTE_VALUES] ?? 0;
    tables[at] = (before >>> 8) ^ (tables[before & 0xff] ?? 0);
  }
  return tables;
}

/** The CRC-32C (RFC 3720 §12.1) of some bytes, as an unsigned number: what a record batch of Kafka is checked by. */
export function crc32c(bytes: Uint8Array, from = 0, to = bytes.length): number {
  let sum = -1;
  let at = from;
  for (const last = to - WIDTH; at <= last; at += WIDTH) {
    sum ^= little(bytes, at);
    const next = little(bytes, at + 4);
    sum =
      table(7, sum) ^
      table(6, sum >>> 8) ^
      table(5, sum >>> 16) ^
      table(4, sum >>> 24) ^
      table(3, next) ^
      table(2, next >>> 8) ^
      table(1, next >>> 16) ^
      table(0, next >>> 24);
  }
  for (; at < to; at++) sum = table(0, sum ^ (bytes[at] ?? 0)) ^ (sum >>> 8);
  return ~sum >>> 0;
}

function table(following: number, value: number): number {
  return TABLES[following * BYTE_VALUES + (value & 0xff)] ?? 0;
}

function little(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
}
