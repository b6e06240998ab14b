import { ReplayMemoryLost } from '#dpop';
import { AppendUnresolved, NotAppended } from '#event-log';
import { Consumes, isDatabaseUnavailable, Log, ProblemException, UnreadBody } from '#host';
import { VaultUnavailable } from '#vault';
import { applyDecorators, Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { NotServing } from '../authenticate-client/admitted-clients.js';
import { ClientRefused, ClientRequestMalformed } from '../authenticate-client/client-authentication.js';

const neverKept = { 'cache-control': 'no-store', pragma: 'no-cache' } as const;

/** An error in the words of RFC 6749, 5.2. */
export class OAuthError extends Error {
  override readonly name = 'OAuthError';
  constructor(
    readonly status: number,
    readonly code: string,
    description: string,
    options?: ErrorOptions,
  ) {
    super(description, options);
  }
}

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
    const { status, code, message } = this.translate(error);
    const headers = { ...neverKept, ...(status === 503 ? { 'retry-after': '1' } : {}) };
    void host
      .switchToHttp()
      .getResponse<FastifyReply>()
      .status(status)
      .headers(headers)
      .send({ error: code, error_description: message });
  }

  private translate(error: unknown): Pick<OAuthError, 'status' | 'code' | 'message'> {
    if (error instanceof OAuthError) return error;
    if (error instanceof ClientRefused)
      return { status: 401, code: 'invalid_client', message: 'client authentication failed' };
    if (error instanceof ClientRequestMalformed)
      return { status: 400, code: 'invalid_request', message: error.message };
    if (
      error instanceof NotServing ||
      error instanceof NotAppended ||
      error instanceof AppendUnresolved ||
      error instanceof VaultUnavailable ||
      error instanceof ReplayMemoryLost ||
      isDatabaseUnavailable(error)
    ) {
      return { status: 503, code: 'temporarily_unavailable', message: 'try again' };
    }
    if (error instanceof ProblemException && error.getStatus() < 500) {
      const status = error.getStatus();
      return { status: status === 415 ? 400 : status, code: 'invalid_request', message: error.message };
    }
    this.log.error('an OAuth endpoint failed', error);
    return { status: 500, code: 'server_error', message: 'it failed here' };
  }
}
