import type { IncomingMessage } from 'node:http';

/** The largest body of a `_search`, in bytes. */
export const FORM_LIMIT = 16_384;

/** The body of a search by POST as text; undefined beyond the limit, the rest unread. */
export async function readForm(request: IncomingMessage): Promise<string | undefined> {
  return (await readBounded(request, FORM_LIMIT))?.toString('utf8');
}

/** The body of a request; undefined beyond so many bytes, the rest unread. */
export async function readBounded(request: IncomingMessage, most: number): Promise<Buffer | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > most) return undefined;
  const pieces: Buffer[] = [];
  let length = 0;
  // The request stays open on an early return: it still has to be answered.
  for await (const piece of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    length += piece.length;
    if (length > most) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
