/** One fault in a request; `pointer` is an RFC 6901 JSON Pointer into the body (or names a parameter, `/limit`, or a header, `/If-Match`). */
export interface FieldError {
  readonly pointer: string;
  readonly detail: string;
}

/** A problem document (RFC 9457). `type` is `urn:gatehouse:problem:<name>` and stays stable. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail?: string;
  readonly instance?: string;
  readonly errors?: readonly FieldError[];
}

/** The `type` of a problem of ours. */
export function problemType(name: string): string {
  return `urn:gatehouse:problem:${name}`;
}

/** The media type of a problem document. */
export const problemMediaType = 'application/problem+json';

interface Kind {
  readonly name: string;
  readonly title: string;
}

const kindsByStatus: Readonly<Record<number, Kind>> = {
  400: { name: 'malformed', title: 'The request is malformed' },
  401: { name: 'unauthenticated', title: 'A valid bearer token is required' },
  403: { name: 'forbidden', title: 'The caller may not do this' },
  404: { name: 'not-found', title: 'There is no such resource' },
  405: { name: 'method-not-allowed', title: 'The resource does not support this method' },
  406: { name: 'not-acceptable', title: 'No acceptable representation' },
  408: { name: 'timeout', title: 'The request did not arrive in time' },
  409: { name: 'conflict', title: 'The request conflicts with the state of the resource' },
  412: { name: 'stale', title: 'The resource has changed since it was read' },
  413: { name: 'too-large', title: 'The request is too large' },
  414: { name: 'uri-too-long', title: 'The URL is too long' },
  415: { name: 'unsupported-media-type', title: 'The media type is not supported' },
  422: { name: 'refused', title: 'A rule of the domain refuses the request' },
  429: { name: 'too-many-requests', title: 'Too many requests' },
  431: { name: 'headers-too-large', title: 'The header fields are too large' },
  500: { name: 'internal', title: 'The service failed' },
  502: { name: 'bad-gateway', title: 'A service behind this one failed' },
  503: { name: 'unavailable', title: 'The service cannot do this now' },
};

/** The problem that a bare status stands for; an unknown status is its class's first. */
export function problemOfStatus(status: number, detail?: string, errors?: readonly FieldError[]): Problem {
  const kind = kindsByStatus[status] ?? kindsByStatus[status >= 500 ? 500 : 400];
  if (kind === undefined) throw new Error(`no problem for status ${status}`);
  return {
    type: problemType(kind.name),
    title: kind.title,
    status,
    ...(detail === undefined ? {} : { detail }),
    ...(errors === undefined || errors.length === 0 ? {} : { errors }),
  };
}
