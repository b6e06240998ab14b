import { createHash, randomBytes } from 'node:crypto';

/** How many partitions every context's topics have. Fixed for a generation of topics, asserted at boot. */
export const PARTITIONS = 8;

/** What a UUIDv7 can carry in its last 12 bits. */
const PARTITION_BITS_MAX = 0xfff;

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/**
 * Mints a UUIDv7 (RFC 9562 §5.7) whose last 12 bits name the partition of what it identifies, so that the partition is
 * read from the id and never hashed.
 *
 * @param partition where the aggregate lives, `0 ≤ partition < PARTITIONS`
 * @param unixMs    the time that the id carries, in milliseconds
 * @throws RangeError when the partition does not exist
 * @example mintId(5, Date.now()) // '019c2f1e-…-…005'
 */
export function mintId(partition: number, unixMs: number = Date.now()): string {
  if (!Number.isInteger(partition) || partition < 0 || partition >= PARTITIONS) {
    throw new RangeError(`partition ${partition} is not one of 0 to ${PARTITIONS - 1}`);
  }
  return shape(randomBytes(16), partition, unixMs);
}

/** 16 bytes as a UUIDv7 of that time, with the partition in their last 12 bits. */
function shape(bytes: Buffer, partition: number, unixMs: number): string {
  bytes.writeUIntBE(unixMs, 0, 6);
  bytes[6] = 0x70 | (bytes.readUInt8(6) & 0x0f);
  bytes[8] = 0x80 | (bytes.readUInt8(8) & 0x3f);
  bytes.writeUInt16BE((bytes.readUInt16BE(14) & ~PARTITION_BITS_MAX) | partition, 14);
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Mints a UUIDv7 in the partition of another id: what belongs to an application is minted with its partition. */
export function mintIdBeside(id: string, unixMs: number = Date.now()): string {
  return mintId(partitionOf(id), unixMs);
}

/**
 * The id that a repeat would mint again: a UUIDv7 in the partition of another id, whose other bits come from SHA-256 of
 * that id and a seed. For what a reactor names, so that reacting twice to one event names one thing.
 *
 * @param seed   what tells it from others beside the same id, for example the id of the event reacted to
 * @param unixMs the time that the id carries, in milliseconds; it must come from what is reacted to as well
 */
export function derivedIdBeside(id: string, seed: string, unixMs: number): string {
  return shape(digest('id', id, seed).subarray(0, 16), partitionOf(id), unixMs);
}

/** Whether a text is an id that this system can have minted. */
export function isId(text: string): boolean {
  return UUID_V7.test(text) && (parseInt(text.slice(-3), 16) & PARTITION_BITS_MAX) < PARTITIONS;
}

/**
 * The partition that an id names.
 *
 * @throws TypeError when the text is not an id of this system: check what comes from outside with {@link isId} first
 */
export function partitionOf(id: string): number {
  if (!isId(id)) throw new TypeError(`not an id of this system: ${JSON.stringify(id)}`);
  return parseInt(id.slice(-3), 16);
}

/**
 * When an id was minted, in milliseconds since 1970, by the clock of who minted it (RFC 9562 §5.7).
 *
 * @throws TypeError when the text is not an id of this system
 */
export function mintedAt(id: string): number {
  if (!isId(id)) throw new TypeError(`not an id of this system: ${JSON.stringify(id)}`);
  return parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/**
 * Where a creation goes: SHA-256(caller, `Idempotency-Key`) mod P, so that a retry meets the same writer; random
 * without a key.
 */
export function partitionOfCreation(caller: string, idempotencyKey: string | undefined): number {
  const seed = idempotencyKey === undefined ? randomBytes(32) : digest(caller, idempotencyKey);
  return seed.readUInt32BE(0) % PARTITIONS;
}

/**
 * The id of a command: SHA-256(caller, method, path, `Idempotency-Key`), or a random one when the caller gave no key.
 * A retry has the same id and is answered, not done again.
 */
export function commandId(caller: string, method: string, path: string, idempotencyKey: string | undefined): string {
  const id = idempotencyKey === undefined ? randomBytes(32) : digest(caller, method, path, idempotencyKey);
  return id.toString('hex');
}

/** The id of a command that a reactor sends: derived from the event it reacts to, so that a repeat is the same command. */
export function reactionCommandId(reactor: string, eventId: string): string {
  return digest('reactor', reactor, eventId).toString('hex');
}

/** The id of a signed checkpoint: 32 hexadecimal digits that follow from its text, so that a repeat carries the same. */
export function checkpointId(note: string): string {
  return digest('checkpoint', note).toString('hex').slice(0, 32);
}

/** SHA-256 of a JSON value in the order its keys stand; kept with a command to tell a retry from another request. */
export function bodyDigest(body: unknown): string {
  return createHash('sha256')
    .update(body === undefined ? '' : JSON.stringify(body))
    .digest('hex');
}

/** SHA-256 over parts, each preceded by its length, so that no two different lists of parts collide. */
function digest(...parts: readonly string[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:`).update(part);
  return hash.digest();
}
