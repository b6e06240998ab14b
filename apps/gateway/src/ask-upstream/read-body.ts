import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { BodyLease } from './body-memory.js';

/** Bodies up to this size, in bytes, are not counted piece by piece. */
const SMALL = 262_144;

/** Why a body was not read to its end. */
export class BodyRefused extends Error {
  override readonly name = 'BodyRefused';
  constructor(readonly why: 'too-large' | 'no-memory' | 'too-slow' | 'unknown-encoding') {
    super(`the body was not read: ${why}`);
  }
}

/** A body as undici gives it. */
interface Body extends Readable {
  text(): Promise<string>;
}

export interface BodyBounds {
  /** The most that is taken, in bytes, after decompression. */
  readonly maxBytes: number;
  readonly memory: BodyLease;
  /** When it must be there, in milliseconds of `performance.now()`: a body that drips is not waited for. */
  readonly deadline: number;
}

/** What the head of an answer says of its body. */
interface BodyHead {
  readonly length: string | undefined;
  readonly encoding: string | undefined;
}

/**
 * Reads a body as text, decompressed and counted while it comes: one that is too large is left at the first byte too
 * many, or at its `Content-Length`.
 *
 * @throws BodyRefused, or what the connection failed with
 */
export async function readBody(body: Body, head: BodyHead, bounds: BodyBounds): Promise<string> {
  if (isPlain(head) && Number(head.length ?? NaN) <= Math.min(SMALL, bounds.maxBytes)) return await body.text();
  return (await readBytes(body, head, bounds)).toString('utf8');
}

/** Reads a body as {@link readBody} does, whatever it holds. */
export async function readBytes(body: Readable, head: BodyHead, bounds: BodyBounds): Promise<Buffer> {
  try {
    if (!isPlain(head) && head.encoding !== 'gzip') throw new BodyRefused('unknown-encoding');
    if (Number(head.length ?? NaN) > bounds.maxBytes) throw new BodyRefused('too-large');
    return await counted(isPlain(head) ? body : gunzipped(body), bounds);
  } finally {
    // What is left unread would be read for nothing: the connection goes.
    if (!body.readableEnded) body.on('error', () => undefined).destroy();
  }
}

function isPlain({ encoding }: BodyHead): boolean {
  return encoding === undefined || encoding === 'identity';
}

function gunzipped(body: Readable): Readable {
  const gunzip = createGunzip();
  body.once('error', (error) => gunzip.destroy(error));
  return body.pipe(gunzip);
}

async function counted(body: Readable, { maxBytes, memory, deadline }: BodyBounds): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of body as AsyncIterable<Buffer>) {
    length += piece.length;
    if (length > maxBytes) throw new BodyRefused('too-large');
    if (length > SMALL && !memory.take(piece.length)) throw new BodyRefused('no-memory');
    if (performance.now() > deadline) throw new BodyRefused('too-slow');
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
