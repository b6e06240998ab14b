import { approval, bodyDigest, reactionCommandId, type ApprovalCommand } from '#contracts';
import type { CommandPort } from '#event-log';
import { Database, InjectCommands, Log } from '#host';
import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { LessThanOrEqual } from 'typeorm';
import { StoredApproval, StoredReview } from '../see-reviews/review.entity.js';
import { ApprovalConfig } from './approval.config.js';

const NAME = 'approval-clocks';
/** At most so many of each kind in one look; the next look takes the rest. */
const AT_ONCE = 200;

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
      const past = LessThanOrEqual(new Date());
      const [reviews, approvals] = await this.database.read((manager) =>
        Promise.all([
          manager.find(StoredReview, {
            where: { status: 'pending', breached: false, dueAt: past },
            order: { dueAt: 'ASC' },
            take: AT_ONCE,
          }),
          manager.find(StoredApproval, { where: { expiresAt: past }, order: { expiresAt: 'ASC' }, take: AT_ONCE }),
        ]),
      );
      await Promise.all([
        ...reviews.map((due) => {
          const data = { reviewId: due.id, dueAt: due.dueAt.toISOString() };
          return this.send(due.applicationId, { type: 'breach-review-clock', data });
        }),
        ...approvals.flatMap(({ applicationId, approvalVersion, expiresAt }) =>
          approvalVersion === null || expiresAt === null
            ? []
            : [
                this.send(applicationId, {
                  type: 'expire-approval',
                  data: { approvalVersion, dueAt: expiresAt.toISOString() },
                }),
              ],
        ),
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
