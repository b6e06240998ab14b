import { answerCommand, ApiTags, CommandContext, type CommandRequest, Commands, Roles, UuidParam } from '#host';
import { Body, Controller, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { reviewSchema } from '../see-reviews/review.schema.js';
import { ReviewDecision } from './decide-review.dto.js';
import { DecideReview } from './decide-review.handler.js';

/** Reviewers decide here; the rules stand in the decider. */
@Controller('approval/reviews/:id/decisions')
@ApiTags('approval')
export class DecideReviewController {
  constructor(private readonly commands: CommandBus) {}

  @Post()
  @Roles('reviewer', 'operator')
  @Commands(reviewSchema)
  async decide(@UuidParam() id: string, @Body() body: ReviewDecision, @CommandContext() request: CommandRequest) {
    const { answer, submission } = await this.commands.execute(new DecideReview(id, body, request));
    return answerCommand(answer, {
      context: 'approval',
      resource: ({ resource }) => Object.assign(submission, resource),
    });
  }
}
