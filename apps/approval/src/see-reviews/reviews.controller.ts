import type { Position } from '#contracts';
import { Answer, ApiTags, Lists, Reads, Roles, SeenPositions, UuidParam } from '#host';
import { Controller, Get, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { reviewSchema } from './review.schema.js';
import { ReviewsQuery } from './reviews-query.js';
import { ListReviews, ReadReview } from './reviews.queries.js';

@Controller('approval/reviews')
@ApiTags('approval')
@Roles('reviewer', 'operator')
export class ReviewsController {
  constructor(private readonly queries: QueryBus) {}

  /** The queue of reviews, the most urgent first. */
  @Get()
  @Lists(reviewSchema)
  list(@Query() asked: ReviewsQuery, @SeenPositions() seen: readonly Position[]) {
    return this.queries.execute(new ListReviews(asked, seen));
  }

  /** One review, with everything that happened to its application before reviewers. */
  @Get(':id')
  @Reads(reviewSchema)
  async read(@UuidParam() id: string, @SeenPositions() seen: readonly Position[]) {
    const review = await this.queries.execute(new ReadReview(id, seen));
    return Answer.ok(review, { version: review.version });
  }
}
