import { approval, bodyDigest, reactionCommandId, type ApprovalCommand } from '#contracts';
import type { CommandPort } from '#event-log';
import { Database, InjectCommands, Log } from '#host';
import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { ApprovalConfig } from './approval.config.js';

const NAME = 'approval-clocks';
/** At most so many of each kind in one look; the next look takes the rest. */
const AT_ONCE = 200;

interface DueReview {
  readonly id: string;
  readonly application_id: string;
  readonly due_at: Date;
}

interface DueApproval {
  readonly application_id: string;
  readonly approval_version: number;
  readonly expires_at: Date;
}

/**
 * The timers: every instance looks for what is due and sends the command with the time that it was due at. All send the
 * same command under the same id, so it does not matter who does, or how often.
 */
@Injectable()
export class Clocks implements OnModuleInit, OnModuleDestroy {
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> | undefined;

  constructor(
    private readonly config: ApprovalConfig,
    private readonly database: Database,
    @InjectCommands(approval) private readonly commands: CommandPort<typeof approval>,
    private readonly log: Log,
  ) {}

  onModuleInit(): void {
    this.timer = setInterval(() => {
      this.looking ??= this.look().finally(() => (this.looking = undefined));
    }, this.config.clockSeconds * 1_000);
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    await this.looking;
  }

  private async look(): Promise<void> {
    try {
      // By our own clock, which also dates the command: the decider never sees a timer that came early.
      const now = new Date().toISOString();
      const reviews = await this.database.query<DueReview>(
        `SELECT id, application_id, due_at FROM projection.approval_reviews
         WHERE status = 'pending' AND NOT breached AND due_at <= $1 ORDER BY due_at LIMIT $2`,
        [now, AT_ONCE],
      );
      const approvals = await this.database.query<DueApproval>(
        `SELECT application_id, approval_version, expires_at FROM projection.approval_applications
         WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2`,
        [now, AT_ONCE],
      );
      await Promise.all([
        ...reviews.map((due) => {
          const data = { reviewId: due.id, dueAt: due.due_at.toISOString() };
          return this.send(due.application_id, { type: 'breach-review-clock', data });
        }),
        ...approvals.map((due) => {
          const data = { approvalVersion: due.approval_version, dueAt: due.expires_at.toISOString() };
          return this.send(due.application_id, { type: 'expire-approval', data });
        }),
      ]);
    } catch (error) {
      this.log.warn('the clocks of approval could not be looked at; they will be, again', error);
    }
  }

  private async send(subject: string, command: ApprovalCommand): Promise<void> {
    const digest = bodyDigest(command.data);
    const answer = await this.commands.send({
      ...command,
      subject,
      id: reactionCommandId(NAME, `${subject} ${command.type} ${digest}`),
      actor: `system:${NAME}`,
      correlationId: randomUUID(),
      bodyDigest: digest,
    });
    if (answer.status === 'refused') this.log.warn('a timer was refused', undefined, { reason: answer.refusal.type });
  }
}
