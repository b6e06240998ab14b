import type { Readable } from 'node:stream';
import type { BodyLease } from './body-memory.js';
import { readBytes } from './read-body.js';

/** A request as its caller made it, as far as it goes on. In observe mode alone. */
export interface PassedRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below the base of the server, encoded, with its query. */
  readonly target: string;
  /** In lower case; none that says who this program is, or who calls. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  /** What was handed over is not called back. */
  readonly mayChange: boolean;
}

/** The answer to it, decompressed, unchecked. */
export interface PassedAnswer {
  readonly status: number;
  /** Those that may be handed on, in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** What of an answer's head goes on; a server's own cookies, credentials and addresses do not. */
const HANDED_ON = [
  'content-type',
  'etag',
  'last-modified',
  'location',
  'content-location',
  'retry-after',
  'x-progress',
];

/**
 * Reads an answer that is handed on as it is.
 *
 * @throws BodyRefused, or what the connection failed with
 */
export async function readPassed(
  { statusCode: status, headers, body }: AnswerHead,
  bounds: { readonly maxBytes: number; readonly memory: BodyLease; readonly deadline: number },
): Promise<PassedAnswer> {
  const textOf = (name: string) => {
    const value = headers[name];
    return typeof value === 'string' ? value : undefined;
  };
  const kept = HANDED_ON.flatMap((name): [string, string][] => {
    const value = textOf(name);
    return value === undefined ? [] : [[name, value]];
  });
  const head = { length: textOf('content-length'), encoding: textOf('content-encoding')?.toLowerCase() };
  return { status, headers: Object.fromEntries(kept), body: await readBytes(body, head, bounds) };
}

interface AnswerHead {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Readable;
}
