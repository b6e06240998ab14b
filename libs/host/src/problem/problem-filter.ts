import { Catch, HttpException, Injectable, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Log } from '../logging/log.js';
import { ErrorTranslators } from './error-translators.js';
import { problemMediaType, type Problem } from './problem.js';
import { problemBody, problemOfError } from './problems.js';
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
    const { problem, headers } = problemOfError(error, this.translators, this.log);
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
}
