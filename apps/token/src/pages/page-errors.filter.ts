import { AppendUnresolved, NotAppended } from '#event-log';
import { isDatabaseUnavailable, Log, ProblemException } from '#host';
import { VaultUnavailable } from '#vault';
import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { errors } from 'oidc-provider';
import { NotServing } from '../authenticate-client/admitted-clients.js';
import { RightsUnavailable } from '../see-patients/patient-rights.js';
import { SignInFailed } from '../sign-in/identity-federation.js';
import { UnknownSignIn } from '../sign-in/person-sessions.js';
import { renderPage } from './render.js';
import type { NoticeView } from './view-models.js';

/** What goes wrong on a person's way is told to them in a page. */
@Catch()
export class PageErrors implements ExceptionFilter {
  constructor(private readonly log: Log) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const notice = this.noticeOf(error);
    const { html, policy } = renderPage(notice);
    void host
      .switchToHttp()
      .getResponse<FastifyReply>()
      .status(notice.status)
      .headers({
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': policy,
        'cache-control': 'no-store',
        ...(notice.status === 503 ? { 'retry-after': '1' } : {}),
      })
      .send(html);
  }

  private noticeOf(error: unknown): NoticeView {
    if (error instanceof UnknownSignIn || error instanceof errors.SessionNotFound)
      return notice(
        400,
        'This sign-in has expired',
        'It took too long, or was begun in another browser. Go back to the application and begin again.',
      );
    if (error instanceof SignInFailed) {
      this.log.warn('a sign-in failed', error);
      return notice(502, 'You could not be signed in', 'The sign-in service gave no answer that holds. Try again.');
    }
    if (
      error instanceof NotServing ||
      error instanceof NotAppended ||
      error instanceof AppendUnresolved ||
      error instanceof RightsUnavailable ||
      error instanceof VaultUnavailable ||
      isDatabaseUnavailable(error)
    )
      return notice(503, 'Try again in a moment', 'This service cannot answer now. Nothing was allowed.');
    if (error instanceof ProblemException && error.getStatus() < 500)
      return notice(error.getStatus(), 'This request cannot go on', error.message);
    this.log.error('a page failed', error);
    return notice(500, 'Something failed here', 'Nothing was allowed. Try again.');
  }
}

function notice(status: number, title: string, detail: string): NoticeView {
  return { page: 'notice', status, title, detail };
}
