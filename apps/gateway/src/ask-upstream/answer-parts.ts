import { errors } from 'undici';

/** Whether an answer is a resource as JSON, or JSON. */
export function isJson(contentType: string | string[] | undefined): boolean {
  return /^application\/(fhir\+)?json\b/i.test(String(contentType));
}

/** Whether a header is an entity tag that may be handed on (RFC 9110, 8.8.3). */
export function isEtag(etag: string | string[] | undefined): etag is string {
  return typeof etag === 'string' && /^(W\/)?"[\x21\x23-\x7e]{0,64}"$/.test(etag);
}

/** A body as text. A mark of the byte order is no part of the text. */
export function textIn(body: Buffer): string {
  const isMarked = body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf;
  return body.toString('utf8', isMarked ? 3 : 0);
}

/** Whether a request failed since the server took too long. */
export function isTimeout(error: unknown): boolean {
  return error instanceof errors.HeadersTimeoutError || error instanceof errors.BodyTimeoutError;
}
