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

/**
 * Reads a body as text, decompressed and counted while it comes: one that is too large is left at the first byte too
 * many, or at its `Content-Length`.
 *
 * @throws BodyRefused, or what the connection failed with
 */
export async function readBody(
  body: Body,
  headers: { readonly length: string | undefined; readonly encoding: string | undefined },
  bounds: BodyBounds,
): Promise<string> {
  const length = Number(headers.length ?? NaN);
  const isPlain = headers.encoding === undefined || headers.encoding === 'identity';
  if (isPlain && length <= Math.min(SMALL, bounds.maxBytes)) return await body.text();
  try {
    if (!isPlain && headers.encoding !== 'gzip') throw new BodyRefused('unknown-encoding');
    if (length > bounds.maxBytes) throw new BodyRefused('too-large');
    return await counted(isPlain ? body : gunzipped(body), bounds);
  } finally {
    // What is left unread would be read for nothing: the connection goes.
    if (!body.readableEnded) body.on('error', () => undefined).destroy();
  }
}

function gunzipped(body: Readable): Readable {
  const gunzip = createGunzip();
  body.once('error', (error) => gunzip.destroy(error));
  return body.pipe(gunzip);
}

async function counted(body: Readable, { maxBytes, memory, deadline }: BodyBounds): Promise<string> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of body as AsyncIterable<Buffer>) {
    length += piece.length;
    if (length > maxBytes) throw new BodyRefused('too-large');
    if (length > SMALL && !memory.take(piece.length)) throw new BodyRefused('no-memory');
    if (performance.now() > deadline) throw new BodyRefused('too-slow');
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}
