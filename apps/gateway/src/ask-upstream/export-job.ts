import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { BodyRefused } from './read-body.js';
import type { WholeAnswer } from './whole-answer.js';

/** What is asked of a server about an export (Bulk Data Access 2.0). */
export interface JobRequest {
  readonly method: 'GET' | 'DELETE';
  /** Below the base of the server, encoded, with its query. */
  readonly target: string;
  /** It is the request that begins one: `Prefer: respond-async`. */
  readonly begins?: true;
}

/** What the server said, unchecked. */
export interface JobAnswer {
  readonly status: number;
  /** Where an export that was begun stands. */
  readonly contentLocation?: string;
  /** Seconds. */
  readonly retryAfter?: number;
  /** What is said of an export that is complete; undefined when that is not JSON. */
  readonly manifest?: unknown;
}

/** Reads the answer about an export. */
export function jobAnswerOf({ status, headers, body }: WholeAnswer, textIn: (body: Buffer) => string): JobAnswer {
  const location = headers['content-location'];
  const retryAfter = Number(headers['retry-after'] ?? NaN);
  return {
    status,
    ...(typeof location === 'string' ? { contentLocation: location } : {}),
    ...(Number.isFinite(retryAfter) && retryAfter >= 0 ? { retryAfter } : {}),
    ...(body.length === 0 ? {} : { manifest: parsed(textIn(body)) }),
  };
}

/** Whether a file has a resource on each line; servers name that in several ways. */
export function isNdjson(contentType: string | string[] | undefined): boolean {
  return /^application\/(fhir\+|x-)?ndjson\b/i.test(String(contentType));
}

/** @throws BodyRefused for an encoding that was not asked for */
export function decompressed(
  body: Readable,
  encoding: string | string[] | undefined = 'identity',
): AsyncIterable<Buffer> {
  if (encoding === 'identity') return body;
  if (encoding !== 'gzip') {
    body.destroy();
    throw new BodyRefused('unknown-encoding');
  }
  // What fails on either side ends the other, and is thrown to who reads.
  return pipeline(body, createGunzip(), () => undefined);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}
