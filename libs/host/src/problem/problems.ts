import { HttpException } from '@nestjs/common';
import type { Log } from '../logging/log.js';
import { correlationId } from '../logging/request-context.js';
import type { ErrorTranslators } from './error-translators.js';
import { ProblemException } from './problem-exception.js';
import { problemOfStatus, type Problem } from './problem.js';

/** What an error looks like, and the headers that go with it. What nobody knows is logged, and is a 500 with nothing of it. */
export function problemOfError(
  error: unknown,
  translators: Pick<ErrorTranslators, 'translate'>,
  log: Pick<Log, 'warn' | 'error'>,
): { readonly problem: Problem; readonly headers: Readonly<Record<string, string>> } {
  const known = error instanceof ProblemException ? error : translators.translate(error);
  if (known !== undefined) {
    if (known.problem.status >= 500) log.warn('answered with a problem', known.cause ?? known);
    return known;
  }
  if (error instanceof HttpException && error.getStatus() < 500)
    return { problem: ofHttpException(error), headers: {} };
  log.error('an unexpected error', error);
  return {
    problem: problemOfStatus(500, 'The service failed unexpectedly; the correlation id finds it in the log.'),
    headers: {},
  };
}

/**
 * The document's bytes (Fastify would add a charset to text, which the media type does not have), with the
 * occurrence's URI: what an operator searches the log for.
 */
export function problemBody(problem: Problem): Buffer {
  const id = correlationId();
  return Buffer.from(
    JSON.stringify(
      id === undefined || problem.instance !== undefined
        ? problem
        : { ...problem, instance: `urn:gatehouse:request:${id}` },
    ),
  );
}

const detailOf: Readonly<Record<number, string>> = {
  400: 'The request cannot be parsed: send well-formed JSON and a well-formed URL.',
  404: 'There is no such resource, or you may not see it.',
  413: 'The body is larger than this service takes.',
  414: 'The URL is longer than this service takes.',
  415: 'Send application/json.',
};

/** Nest's and Fastify's own errors. Their messages quote the request or name internals, so the detail is ours. */
function ofHttpException(error: HttpException): Problem {
  return unreadable(error.getStatus());
}

/** The problem of a request that cannot be read, by its status. */
export function unreadable(status: number): Problem {
  return problemOfStatus(status, detailOf[status]);
}
