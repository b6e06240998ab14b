import type { WholeAnswer } from './whole-answer.js';

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

/** What of an answer is handed on. */
export function passedOf({ status, headers, body }: WholeAnswer): PassedAnswer {
  const kept = HANDED_ON.flatMap((name): [string, string][] => {
    const value = headers[name];
    return typeof value === 'string' ? [[name, value]] : [];
  });
  return { status, headers: Object.fromEntries(kept), body };
}
