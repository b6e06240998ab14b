import type { FhirError } from '../proxy/operation-outcome.js';

/** A write as it is sent: by id, with the version that was judged. */
export interface UpstreamWrite {
  readonly method: 'POST' | 'PUT' | 'DELETE';
  /** Below the base of the server, encoded. */
  readonly target: string;
  /** A resource as JSON. */
  readonly body?: string;
  /** The `ETag` of the version that may be changed. */
  readonly ifMatch?: string;
  /** Nothing may be there. */
  readonly ifNoneMatch?: '*';
}

/** What the server said of a write. */
export interface UpstreamWritten {
  readonly status: number;
  /** What it answered with, if that is a resource; not checked. */
  readonly resource?: unknown;
  readonly etag?: string;
  readonly lastModified?: string;
  readonly location?: string;
}

/** A write was handed over and nothing was heard of it: it may have been carried out. */
export class WriteUnknown extends Error {
  override readonly name = 'WriteUnknown';
  readonly code = 'write-unknown';
  constructor(
    readonly answer: FhirError,
    options: ErrorOptions,
  ) {
    super('what became of a write is not known', options);
  }
}
