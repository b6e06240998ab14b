import { approval } from '#contracts';
import type { CommandPort } from '#event-log';
import { Database, InjectCommands, Log, RegularLook, sendDue, type DueCommand } from '#host';
import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { LessThanOrEqual } from 'typeorm';
import { StoredApproval, StoredReview } from '../see-reviews/review.entity.js';
import { ApprovalConfig } from './approval.config.js';

const NAME = 'approval-clocks';
/** At most so many of each kind in one look; the next look takes the rest. */
const AT_ONCE = 200;

/** The timers: every instance looks for what is due and sends the command with the time that it was due at. */
@Injectable()
export class Clocks implements OnModuleInit, OnModuleDestroy {
  private readonly regular: RegularLook;

  constructor(
    config: ApprovalConfig,
    private readonly database: Database,
    @InjectCommands(approval) private readonly commands: CommandPort<typeof approval>,
    private readonly log: Log,
  ) {
    this.regular = new RegularLook(
      config.clockSeconds * 1_000,
      () => this.look(),
      (error) => log.warn('the clocks of approval could not be looked at; they will be, again', error),
    );
  }

  onModuleInit(): void {
    this.regular.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.regular.stop();
  }

  private async look(): Promise<void> {
    // By our own clock, which also dates the command: the decider never sees a timer that came early.
    const now = new Date();
    const [reviews, approvals] = await this.database.read((manager) =>
      Promise.all([
        manager
          .createQueryBuilder(StoredReview, 'review')
          .innerJoin('review.application', 'application')
          .where(`review.status IN ('pending', 'changes-requested') AND NOT review.breached`)
          .andWhere('review.dueAt <= :now', { now })
          // Where another submission followed, its review goes on with the clock.
          .andWhere(`application.state #>> '{review,id}' = CAST(review.id AS text)`)
          .orderBy('review.dueAt')
          .limit(AT_ONCE)
          .getMany(),
        manager.find(StoredApproval, {
          where: { expiresAt: LessThanOrEqual(now) },
          order: { expiresAt: 'ASC' },
          take: AT_ONCE,
        }),
      ]),
    );
    const due: DueCommand<typeof approval>[] = [
      ...reviews.map(({ id: reviewId, applicationId: subject, dueAt }) => ({
        type: 'breach-review-clock' as const,
        subject,
        data: { reviewId, dueAt: dueAt.toISOString() },
      })),
      ...approvals.flatMap(({ applicationId: subject, approvalVersion, expiresAt }) =>
        approvalVersion === null || expiresAt === null
          ? []
          : [
              {
                type: 'expire-approval' as const,
                subject,
                data: { approvalVersion, dueAt: expiresAt.toISOString() },
              },
            ],
      ),
    ];
    await sendDue(NAME, this.commands, due, this.log);
  }
}
