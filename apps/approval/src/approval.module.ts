import { approval } from '#contracts';
import { commandsController, provideCommands, provideProjection, provideReactor, provideWriter } from '#host';
import { Module } from '@nestjs/common';
import { approvalDecider } from './approval.decider.js';
import { DecideReviewController } from './decide-review/decide-review.controller.js';
import { Clocks } from './keep-clocks/clocks.js';
import { narrowByCampaign } from './narrow-approval/narrow-by-campaign.reactor.js';
import { SubmissionReviews } from './open-review/submission-reviews.js';
import { ReviewsController } from './see-reviews/reviews.controller.js';
import { reviewsProjection } from './see-reviews/reviews.projection.js';
import { PoliciesController } from './set-policy/policies.controller.js';

@Module({
  controllers: [ReviewsController, DecideReviewController, PoliciesController, commandsController(approval)],
  providers: [
    ...provideCommands(approval),
    ...provideWriter(approvalDecider),
    ...provideProjection(reviewsProjection),
    ...provideReactor(narrowByCampaign),
    SubmissionReviews,
    Clocks,
  ],
})
export class ApprovalModule {}
