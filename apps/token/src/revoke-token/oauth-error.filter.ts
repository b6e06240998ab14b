import { AppendUnresolved, NotAppended } from '#event-log';
import { isDatabaseUnavailable, Log, ProblemException } from '#host';
import { VaultUnavailable } from '#vault';
import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { NotServing } from '../authenticate-client/admitted-clients.js';
import { ClientRefused, ClientRequestMalformed } from '../authenticate-client/client-authentication.js';

/** An error in the words of RFC 6749, 5.2. */
export class OAuthError extends Error {
  override readonly name = 'OAuthError';
  constructor(
    readonly status: number,
    readonly code: string,
    description: string,
  ) {
    super(description);
  }
}

/** What goes wrong at an OAuth endpoint is answered as OAuth has it, not as a problem document. */
@Catch()
export class OAuthErrorFilter implements ExceptionFilter {
  constructor(private readonly log: Log) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const { status, code, message } = this.translate(error);
    const headers = {
      'cache-control': 'no-store',
      pragma: 'no-cache',
      ...(status === 503 ? { 'retry-after': '1' } : {}),
    };
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
      isDatabaseUnavailable(error)
    ) {
      return { status: 503, code: 'temporarily_unavailable', message: 'try again' };
    }
    if (error instanceof ProblemException && error.getStatus() < 500)
      return { status: error.getStatus(), code: 'invalid_request', message: error.message };
    this.log.error('an OAuth endpoint failed', error);
    return { status: 500, code: 'server_error', message: 'it failed here' };
  }
}
