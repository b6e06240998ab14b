import type { IncomingHttpHeaders } from 'node:http';

/**
 * Whether a caller has what would be sent already (RFC 9110 §13.1): by `If-None-Match`, and only without it by
 * `If-Modified-Since`. Neither goes to the FHIR server: who may not see a resource must not learn that it changed.
 */
export function isNotModified(
  { 'if-none-match': noneMatch, 'if-modified-since': since }: IncomingHttpHeaders,
  { etag, lastModified }: { readonly etag?: string; readonly lastModified?: string },
): boolean {
  if (noneMatch !== undefined) {
    const opaque = (tag: string) => tag.trim().replace(/^W\//, '');
    return etag !== undefined && (noneMatch.trim() === '*' || noneMatch.split(',').map(opaque).includes(opaque(etag)));
  }
  if (since === undefined || lastModified === undefined) return false;
  return Date.parse(lastModified) <= Date.parse(since);
}
