import { approval } from '#contracts';
import {
  commandsController,
  provideCommands,
  projectionsController,
  provideProjection,
  provideReactor,
  provideWriter,
} from '#host';
import { Module } from '@nestjs/common';
import { approvalDecider } from './approval.decider.js';
import { DecideReviewController } from './decide-review/decide-review.controller.js';
import { DecideReviewHandler } from './decide-review/decide-review.handler.js';
import { Clocks } from './keep-clocks/clocks.js';
import { narrowByCampaign } from './narrow-approval/narrow-by-campaign.reactor.js';
import { SubmissionReviews } from './open-review/submission-reviews.js';
import { ReviewsController } from './see-reviews/reviews.controller.js';
import { reviewsProjection } from './see-reviews/reviews.projection.js';
import { ListReviewsHandler, ReadReviewHandler } from './see-reviews/reviews.queries.js';
import { PoliciesController } from './set-policy/policies.controller.js';
import { ReadPolicyHandler } from './set-policy/read-policy.query.js';
import { SetPolicyHandler } from './set-policy/set-policy.handler.js';

@Module({
  controllers: [
    ReviewsController,
    DecideReviewController,
    PoliciesController,
    commandsController(approval),
    projectionsController('approval', [reviewsProjection]),
  ],
  providers: [
    ...provideCommands(approval),
    ...provideWriter(approvalDecider),
    ...provideProjection(reviewsProjection),
    ...provideReactor(narrowByCampaign),
    DecideReviewHandler,
    SetPolicyHandler,
    ReadPolicyHandler,
    ListReviewsHandler,
    ReadReviewHandler,
    SubmissionReviews,
    Clocks,
  ],
})
export class ApprovalModule {}
