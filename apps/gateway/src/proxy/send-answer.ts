import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { NoLongerAllowed } from '../ask-upstream/upstream-failed.js';
import type { FhirError } from './operation-outcome.js';
import { Patience } from './patience.js';

export const FHIR_JSON = 'application/fhir+json; charset=utf-8';
/** What is handed to a socket between two looks at whether the call may still go on, in bytes. */
const PIECE_BYTES = 65_536;

/** How an answer ended, and how much of it was handed over. */
export interface Sent {
  readonly ending: 'sent' | 'cut' | 'caller-gone';
  readonly bytes: number;
}

/** Tells an error; HEAD gets the headers alone. */
export function sendError(
  response: ServerResponse,
  { status, body, headers }: FhirError,
  extra: Readonly<Record<string, string>> = {},
): void {
  if (response.headersSent || response.destroyed) return;
  const text = Buffer.from(JSON.stringify(body));
  response.writeHead(status, { ...headers, ...extra, 'Content-Type': FHIR_JSON, 'Content-Length': text.length });
  response.end(text);
}

/** Tells that the caller has the resource already (RFC 9110 §15.4.5). */
export function sendNotModified(response: ServerResponse, headers: Readonly<Record<string, string>>): void {
  sendEmpty(response, 304, headers);
}

/** Sends a status and headers, and no body. */
export function sendEmpty(response: ServerResponse, status: number, headers: Readonly<Record<string, string>>): void {
  if (response.headersSent || response.destroyed) return;
  const hasNone = status === 204 || status === 304;
  response.writeHead(status, hasNone ? headers : { ...headers, 'Content-Length': 0 });
  response.end();
}

/**
 * Ends an answer whose headers may have left, in this tick. It takes the request's socket: an answer that waits for
 * another on its connection (HTTP pipelining) has none of its own yet.
 */
export function cutAnswer(response: ServerResponse): void {
  response.destroy();
  response.req.socket.destroy();
}

/**
 * Sends a resource in pieces. Before each piece, in the same tick, `isAllowed` is asked; when it says no, the rest
 * stays here and the connection is cut. Nothing is written before it is this answer's turn on its connection: Node
 * would keep it, and send it whatever `isAllowed` says by then.
 */
export async function sendResource(
  response: ServerResponse,
  body: string | Buffer,
  headers: Readonly<Record<string, string>>,
  isAllowed: () => boolean,
  status = 200,
): Promise<Sent> {
  const isGone = () => response.destroyed;
  // Its `close` is over, and would be awaited in vain.
  if (isGone()) return { ending: 'caller-gone', bytes: 0 };
  const closed = closing(response);
  const ended = await turnOf(response, closed, isAllowed);
  if (ended) return ended;
  const length = Buffer.byteLength(body);
  response.writeHead(status, { 'Content-Type': FHIR_JSON, ...headers, 'Content-Length': length });
  const patience = new Patience();
  let bytes = 0;
  if (response.req.method !== 'HEAD') {
    for (const piece of piecesOf(body, length)) {
      if (isGone()) break;
      if (!isAllowed()) {
        cutAnswer(response);
        return { ending: 'cut', bytes };
      }
      const size = Buffer.byteLength(piece);
      bytes += size;
      // Head and body of a small answer leave together.
      if (bytes === length) response.end(piece);
      else if (!response.write(piece)) await patience.drained(response, closed);
      patience.took(size);
    }
  }
  if (!isGone() && !response.writableEnded) response.end();
  await patience.ended(response, closed);
  return { ending: response.writableFinished ? 'sent' : isAllowed() ? 'caller-gone' : 'cut', bytes };
}

/** Text that is small stays text: Node puts it behind the head, and writes one piece in the place of two. */
function piecesOf(body: string | Buffer, length: number): readonly (string | Buffer)[] {
  if (length <= PIECE_BYTES) return [body];
  return slicesOf(typeof body === 'string' ? Buffer.from(body) : body);
}

function slicesOf(all: Buffer): readonly Buffer[] {
  return Array.from({ length: Math.ceil(all.length / PIECE_BYTES) }, (_, at) =>
    all.subarray(at * PIECE_BYTES, (at + 1) * PIECE_BYTES),
  );
}

/**
 * Sends pieces as they come, as many as are asked for: the next one is made when the caller took the last. Before each,
 * in the same tick, `isAllowed` is asked. The head leaves with the first piece, so that what fails before it is thrown
 * and may still be told; what fails later cuts the connection, and is thrown too. Of a caller who is gone, or too slow, nothing is thrown.
 *
 * @param onHandedOver told of each part of a piece that is handed over
 * @throws NoLongerAllowed before the head left, and what `pieces` throws
 */
export async function sendPieces(
  response: ServerResponse,
  pieces: AsyncIterable<Buffer>,
  headers: Readonly<Record<string, string>>,
  isAllowed: () => boolean,
  patience = new Patience(),
  onHandedOver: (bytes: number) => void = () => undefined,
): Promise<Sent> {
  const isGone = () => response.destroyed;
  if (isGone()) return { ending: 'caller-gone', bytes: 0 };
  const closed = closing(response);
  const ended = await turnOf(response, closed, isAllowed);
  if (ended) return ended;
  const mustBeAllowed = () => {
    if (!isAllowed()) throw new NoLongerAllowed();
  };
  let bytes = 0;
  try {
    for await (const piece of pieces) {
      if (isGone()) break;
      mustBeAllowed();
      if (!response.headersSent) response.writeHead(200, headers);
      // What is large is handed over bit by bit: patience is given back for what the caller took, not for what it is to take.
      for (const slice of slicesOf(piece)) {
        if (isGone()) break;
        mustBeAllowed();
        bytes += slice.length;
        onHandedOver(slice.length);
        if (!response.write(slice)) await patience.drained(response, closed);
        patience.took(slice.length);
      }
      // The next piece would be made for nobody.
      if (isGone()) break;
    }
    if (!isGone()) mustBeAllowed();
  } catch (error) {
    // The pieces of a caller who left are ended, and fail by that.
    if (isGone()) return { ending: isAllowed() ? 'caller-gone' : 'cut', bytes };
    if (!response.headersSent) throw isAllowed() ? error : new NoLongerAllowed();
    cutAnswer(response);
    if (isAllowed()) throw error;
    return { ending: 'cut', bytes };
  }
  if (isGone()) return { ending: isAllowed() ? 'caller-gone' : 'cut', bytes };
  if (!response.headersSent) response.writeHead(200, headers);
  response.end();
  await patience.ended(response, closed);
  return { ending: response.writableFinished ? 'sent' : isAllowed() ? 'caller-gone' : 'cut', bytes };
}

/** When the answer ended, or its connection. */
function closing(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => response.once('close', resolve));
}

/** Waits for the answer's turn on its connection. @returns how it ended before it, if it did */
async function turnOf(
  response: ServerResponse,
  closed: Promise<void>,
  isAllowed: () => boolean,
): Promise<Sent | undefined> {
  if (response.socket !== null) return undefined;
  await Promise.race([once(response, 'socket'), closed]);
  if (response.destroyed) return { ending: isAllowed() ? 'caller-gone' : 'cut', bytes: 0 };
  if (isAllowed()) return undefined;
  cutAnswer(response);
  return { ending: 'cut', bytes: 0 };
}
