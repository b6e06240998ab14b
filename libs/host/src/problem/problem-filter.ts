import { Catch, HttpException, Injectable, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Log } from '../logging/log.js';
import { correlationId } from '../logging/request-context.js';
import { ErrorTranslators } from './error-translators.js';
import { ProblemException } from './problem-exception.js';
import { problemMediaType, problemOfStatus, type Problem } from './problem.js';
import { answerToUnreadBody } from './unread-body.js';

/** Answers every error as a problem document; what it does not know is logged and answers 500 with nothing of it. */
@Catch()
@Injectable()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    private readonly translators: ErrorTranslators,
    private readonly log: Log,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const { problem, headers } = this.respond(error);
    if (reply.sent || reply.raw.headersSent) {
      this.log.error('an error came after the response had begun', error);
      reply.raw.destroy();
      return;
    }
    const unread =
      error instanceof HttpException
        ? answerToUnreadBody(host.switchToHttp().getRequest<FastifyRequest>(), problem.status)
        : undefined;
    if (unread !== undefined) {
      void reply
        .headers({ ...unread.headers })
        .status(unread.status)
        .send(unread.body);
      return;
    }
    const { type, body } = this.bodyOf(problem);
    void reply
      .headers({ ...headers })
      .status(problem.status)
      .type(type)
      .send(body);
  }

  /** What the error looks like; a route whose errors another specification has says it in that form. */
  protected bodyOf(problem: Problem): { readonly type: string; readonly body: Buffer } {
    return { type: problemMediaType, body: problemBody(problem) };
  }

  private respond(error: unknown): { problem: Problem; headers: Readonly<Record<string, string>> } {
    const known = error instanceof ProblemException ? error : this.translators.translate(error);
    if (known !== undefined) {
      if (known.problem.status >= 500) this.log.warn('answered with a problem', known.cause ?? known);
      return known;
    }
    if (error instanceof HttpException && error.getStatus() < 500)
      return { problem: ofHttpException(error), headers: {} };
    this.log.error('an unexpected error', error);
    return {
      problem: problemOfStatus(500, 'The service failed unexpectedly; the correlation id finds it in the log.'),
      headers: {},
    };
  }
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
  const status = error.getStatus();
  return problemOfStatus(status, detailOf[status]);
}
