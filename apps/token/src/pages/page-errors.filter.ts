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
import { sendPage } from './send-page.js';
import type { Notice, NoticeView } from './view-models.js';

/** What goes wrong on a person's way is told to them in a page. */
@Catch()
export class PageErrors implements ExceptionFilter {
  constructor(private readonly log: Log) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const view = this.noticeOf(error);
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    if (view.status === 503) reply.header('retry-after', '1');
    void sendPage(reply, view);
  }

  private noticeOf(error: unknown): NoticeView {
    if (error instanceof UnknownSignIn || error instanceof errors.SessionNotFound)
      return notice(400, 'sign-in-expired');
    if (error instanceof SignInFailed) {
      this.log.warn('a sign-in failed', error);
      return notice(502, 'sign-in-failed');
    }
    if (
      error instanceof NotServing ||
      error instanceof NotAppended ||
      error instanceof AppendUnresolved ||
      error instanceof RightsUnavailable ||
      error instanceof VaultUnavailable ||
      isDatabaseUnavailable(error)
    )
      return notice(503, 'unavailable');
    if (error instanceof ProblemException && error.getStatus() < 500)
      return notice(error.getStatus(), 'cannot-go-on', error.message);
    this.log.error('a page failed', error);
    return notice(500, 'failed');
  }
}

function notice(status: number, of: Notice, said?: string): NoticeView {
  return { page: 'notice', status, notice: of, ...(said === undefined ? {} : { said }) };
}
