import type { IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream';
import { promisify } from 'node:util';
import { createGzip, gzip } from 'node:zlib';

/** Smaller bodies are not worth it, in bytes. */
const WORTH_IT = 1_400;
const compress = promisify(gzip);

/** The body as the caller takes it: compressed by gzip where that is accepted and worth it (RFC 9110 §12.5.3). */
export async function encodedFor(
  request: Pick<IncomingMessage, 'headers'>,
  body: string | Buffer,
): Promise<{ readonly body: string | Buffer; readonly headers: Readonly<Record<string, string>> }> {
  const vary = { Vary: 'Accept-Encoding, Origin' };
  if (!acceptsGzip(request.headers['accept-encoding']) || Buffer.byteLength(body) < WORTH_IT)
    return { body, headers: vary };
  return { body: await compress(body, { level: 4 }), headers: { ...vary, 'Content-Encoding': 'gzip' } };
}

/** The same for a body that comes in pieces; HEAD has none (RFC 9110 §9.3.2). */
export function encodedPieces(
  request: Pick<IncomingMessage, 'headers' | 'method'>,
  pieces: AsyncIterable<Buffer>,
): { readonly pieces: AsyncIterable<Buffer>; readonly headers: Readonly<Record<string, string>> } {
  const vary = { Vary: 'Accept-Encoding, Origin' };
  if (!acceptsGzip(request.headers['accept-encoding'])) return { pieces, headers: vary };
  const headers = { ...vary, 'Content-Encoding': 'gzip' };
  if (request.method === 'HEAD') return { pieces, headers };
  // What fails on either side ends the other, and is thrown to who reads.
  const compressed = pipeline(pieces, createGzip({ level: 4 }), () => undefined);
  return { pieces: compressed, headers };
}

function acceptsGzip(accepted: string | readonly string[] | undefined): boolean {
  return String(accepted ?? '')
    .toLowerCase()
    .split(',')
    .some((each) => /^\s*(gzip|\*)\s*(;\s*q=(1(\.0*)?|0\.\d*[1-9]\d*))?\s*$/.test(each));
}
