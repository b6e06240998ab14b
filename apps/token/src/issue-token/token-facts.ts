import { UNKNOWN_APPLICATION, type ActivityRecord } from '#contracts';
import type { ActivityPort } from '#event-log';
import { correlationId, type Log } from '#host';

/** What a token endpoint's answer is remembered with. */
export type IssuedToken = Extract<ActivityRecord, { readonly type: 'token-issued' }>['data'];
export type RefusedToken = Extract<ActivityRecord, { readonly type: 'token-refused' }>['data'];

/** Refusals that may wait for their acknowledgement at once: a flood of them may not fill the memory. */
const mostRefusalsWaiting = 200;

/** The token endpoint's part of the activity record. */
export class TokenFacts {
  private waiting = 0;

  constructor(
    private readonly activity: ActivityPort,
    private readonly log: Pick<Log, 'warn'>,
  ) {}

  /** Resolves once the fact is in the log: a token may leave then, not before. Throws when it is not known to be there. */
  async issued(applicationId: string, data: IssuedToken): Promise<void> {
    await this.activity.append({ type: 'token-issued', data }, this.about(applicationId, data.clientId));
  }

  /** Records a refusal as far as that can be done; nobody waits for it. */
  refused(applicationId: string | undefined, data: RefusedToken): void {
    if (this.waiting >= mostRefusalsWaiting) return;
    this.waiting++;
    this.activity
      .append({ type: 'token-refused', data }, this.about(applicationId ?? UNKNOWN_APPLICATION, data.clientId))
      .catch((error: unknown) => this.log.warn('a refused token was not recorded', error))
      .finally(() => this.waiting--);
  }

  private about(subject: string, clientId: string) {
    return { subject, actor: `client:${clientId}`, correlationId: correlationId() ?? 'none' };
  }
}
