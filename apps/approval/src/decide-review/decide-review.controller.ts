import { approval } from '#contracts';
import type { CommandPort } from '#event-log';
import {
  CommandContext,
  Commands,
  Database,
  InjectCommands,
  Roles,
  UuidParam,
  VAULT,
  answerCommand,
  newCommand,
  notFound,
  type CommandRequest,
} from '#host';
import type { Vault } from '#vault';
import { Body, Controller, Inject, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { describeSubmission, selectReviews, type ReviewRow } from '../see-reviews/review-row.js';
import { reviewSchema } from '../see-reviews/review.schema.js';
import { DecideReview } from './decide-review.dto.js';

/** Reviewers decide here; the rules stand in the decider. */
@Controller('approval/reviews/:id/decisions')
@ApiTags('approval')
export class DecideReviewController {
  constructor(
    private readonly database: Database,
    @InjectCommands(approval) private readonly commands: CommandPort<typeof approval>,
    @Inject(VAULT) private readonly vault: Vault,
  ) {}

  @Post()
  @Roles('reviewer', 'operator')
  @Commands(reviewSchema)
  async decide(@UuidParam() id: string, @Body() body: DecideReview, @CommandContext() request: CommandRequest) {
    const [row] = await this.database.query<ReviewRow>(`${selectReviews} WHERE review.id = $1`, [id]);
    if (row === undefined) throw notFound();
    const people = await this.vault.lookupSubjects([row.view.ownerId]);
    const { conditions = [], ...decision } = body;
    const answer = await this.commands.send({
      ...newCommand(request, body),
      type: 'decide-review',
      subject: row.application_id,
      data: { ...decision, conditions, reviewId: id, ...(row.owner_id === null ? {} : { ownerId: row.owner_id }) },
    });
    return answerCommand(answer, {
      context: 'approval',
      resource: ({ resource }) => Object.assign(describeSubmission(row, people), resource),
    });
  }
}
