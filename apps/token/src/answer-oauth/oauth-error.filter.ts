import { Consumes, Log, UnreadBody } from '#host';
import { applyDecorators, Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { failedHere, oauthErrorAnswer } from './oauth-error.js';
import { neverKept } from './send-answer.js';

/**
 * A route that takes a form (RFC 6749, 3.2; RFC 7009, 2.1; RFC 7662, 2.1) or metadata (RFC 7591, 3.1). What is none, or too
 * long to be read, is an `invalid_request`, as at the token endpoint.
 */
export function OAuthBody(type: 'application/x-www-form-urlencoded' | 'application/json'): MethodDecorator {
  return applyDecorators(
    Consumes(type),
    UnreadBody((status) => ({
      status: 400,
      headers: neverKept,
      body: {
        error: 'invalid_request',
        error_description: status === 413 ? 'a body of this length is not read' : `only ${type} is understood here`,
      },
    })),
  );
}

/** What goes wrong at an OAuth endpoint is answered as OAuth has it, not as a problem document. */
@Catch()
export class OAuthErrorFilter implements ExceptionFilter {
  constructor(private readonly log: Log) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const answer = oauthErrorAnswer(error) ?? failedHere;
    if (answer === failedHere) this.log.error('an OAuth endpoint failed', error);
    void host
      .switchToHttp()
      .getResponse<FastifyReply>()
      .status(answer.status)
      .headers({ ...neverKept, ...answer.headers })
      .send(answer.body);
  }
}
