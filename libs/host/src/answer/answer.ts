import { formatPosition, type Position } from '#contracts';
import { ProblemException } from '../problem/problem-exception.js';
import { problemOfStatus } from '../problem/problem.js';

/**
 * A response with more than a body, returned by a controller: status, `ETag`, `Gatehouse-Position`,
 * `Location` (api.md, REST conventions).
 */
export class Answer<T> {
  private constructor(
    readonly status: number,
    readonly body: T,
    readonly headers: Readonly<Record<string, string>>,
  ) {}

  /** 200 with the resource or receipt; for a `GET` of one resource, its version alone. */
  static ok<T>(body: T, of: { readonly version?: number; readonly position?: Position | string } = {}): Answer<T> {
    return new Answer(200, body, headersOf(of));
  }

  /** 201 with the new resource and where it is. */
  static created<T>(
    body: T,
    of: { readonly location: string; readonly version: number; readonly position: Position | string },
  ): Answer<T> {
    return new Answer(201, body, headersOf(of));
  }

  /** 202: no outcome in time; the command resource at `/<context>/commands/{id}` says what becomes of it. */
  static accepted(context: string, id: string): Answer<{ readonly id: string; readonly status: 'pending' }> {
    return new Answer(202, { id, status: 'pending' }, { Location: `/${context}/commands/${id}`, 'Retry-After': '1' });
  }

  /** 202: long work has begun; the resource at `location` says how far it is. */
  static begun<T>(body: T, location: string): Answer<T> {
    return new Answer(202, body, { Location: location, 'Retry-After': '1' });
  }

  /** 503 of `/health/ready`, which is a state and not a problem. */
  static notReady<T>(body: T): Answer<T> {
    return new Answer(503, body, { 'Retry-After': '1' });
  }

  /** 204. */
  static empty(): Answer<undefined> {
    return new Answer(204, undefined, {});
  }
}

function headersOf(of: {
  readonly version?: number;
  readonly position?: Position | string;
  readonly location?: string;
}): Record<string, string> {
  return {
    ...(of.version === undefined ? {} : { ETag: `"${of.version}"` }),
    ...(of.position === undefined
      ? {}
      : { 'Gatehouse-Position': typeof of.position === 'string' ? of.position : formatPosition(of.position) }),
    ...(of.location === undefined ? {} : { Location: of.location }),
  };
}

/** A command that expired before its writer saw it: nothing was done, and it may be sent again. */
export function expired(): ProblemException {
  return new ProblemException(
    problemOfStatus(503, 'The command expired before it was decided; nothing was done. Send it again.'),
    { 'Retry-After': '1' },
  );
}
