import type { Readable } from 'node:stream';
import type { BodyBounds } from './read-body.js';

/** A resource of the FHIR server, not yet checked. */
export interface UpstreamAnswer {
  readonly resource: unknown;
  /** The resource as the FHIR server wrote it. */
  readonly text: string;
  readonly etag?: string;
  readonly lastModified?: string;
}

/** A resource that is larger than is held, while it comes: not yet checked. */
export interface LargeAnswer extends Omit<UpstreamAnswer, 'resource' | 'text'> {
  /** As the FHIR server writes it, in UTF-8, from its beginning. */
  readonly head: Buffer;
  /** What follows: to be read, or destroyed; by the signal of whom it was asked for it ends as well. */
  readonly rest: Readable;
  /** What may be kept of it meanwhile. */
  readonly bounds: Pick<BodyBounds, 'maxBytes' | 'memory'>;
}
