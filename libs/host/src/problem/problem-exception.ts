import { HttpException } from '@nestjs/common';
import { problemOfStatus, problemType, type FieldError, type Problem } from './problem.js';

/** Thrown anywhere below a controller; the filter answers with its problem document and headers. */
export class ProblemException extends HttpException {
  constructor(
    readonly problem: Problem,
    readonly headers: Readonly<Record<string, string>> = {},
    options?: ErrorOptions,
  ) {
    super(problem.detail ?? problem.title, problem.status, options);
    this.name = 'ProblemException';
  }
}

/** 400: the request cannot be understood; `errors` names the fields. */
export function malformed(detail: string, errors?: readonly FieldError[]): ProblemException {
  return new ProblemException(problemOfStatus(400, detail, errors));
}

/** 400 for a header that is not as it must be; `/<name>` points to it. */
export function malformedHeader(name: string, detail: string): ProblemException {
  return malformed(`${name} ${detail}.`, [{ pointer: `/${name}`, detail }]);
}

/** 401 with a `WWW-Authenticate: Bearer` challenge (RFC 6750 §3); `error` is absent when no token was sent. */
export function unauthenticated(
  detail: string,
  error?: string,
  parameters: Readonly<Record<string, string>> = {},
): ProblemException {
  const challenge = Object.entries({
    ...(error === undefined ? {} : { error, error_description: detail }),
    ...parameters,
  })
    .map(([name, value]) => `${name}="${value.replace(/[^\x20-\x7e]|["\\]/g, ' ')}"`)
    .join(', ');
  return new ProblemException(problemOfStatus(401, detail), {
    'WWW-Authenticate': challenge === '' ? 'Bearer' : `Bearer ${challenge}`,
  });
}

/** 403: the caller is known and may not do this. */
export function forbidden(detail: string): ProblemException {
  return new ProblemException(problemOfStatus(403, detail));
}

/** 404: no such resource, or none that the caller may see; the two are never told apart. */
export function notFound(): ProblemException {
  return new ProblemException(problemOfStatus(404, 'There is no such resource, or you may not see it.'));
}

/** 409: the state of the resource does not allow it. */
export function conflict(detail: string, name = 'conflict'): ProblemException {
  return new ProblemException({ ...problemOfStatus(409, detail), type: problemType(name) });
}

/** 412: `If-Match` names another version than the current one. */
export function stale(detail: string): ProblemException {
  return new ProblemException(problemOfStatus(412, detail));
}

/** 415: the body's media type is not one that the route takes. */
export function unsupportedMediaType(accepted: readonly string[]): ProblemException {
  return new ProblemException(problemOfStatus(415, `Send ${accepted.join(' or ')}.`), { Accept: accepted.join(', ') });
}

/** 422: a rule of the domain refuses what was well formed. */
export function refused(name: string, title: string, detail: string, errors?: readonly FieldError[]): ProblemException {
  return new ProblemException({ ...problemOfStatus(422, detail, errors), type: problemType(name), title });
}

/** 503 with `Retry-After` in seconds: nothing was done. */
export function unavailable(detail: string, retryAfter = 1, cause?: unknown): ProblemException {
  return new ProblemException(
    problemOfStatus(503, detail),
    { 'Retry-After': String(Math.max(1, Math.ceil(retryAfter))) },
    { cause },
  );
}
