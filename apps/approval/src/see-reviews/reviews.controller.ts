import type { Position } from '#contracts';
import {
  Answer,
  Database,
  InjectProjection,
  Lists,
  Reads,
  Roles,
  SeenPositions,
  UuidParam,
  VAULT,
  decodeCursor,
  notFound,
  pageOf,
  type ProjectionReadiness,
} from '#host';
import type { Vault } from '#vault';
import { Controller, Get, Inject, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { describeSubmission, selectReviews, type ReviewRow } from './review-row.js';
import { reviewSchema } from './review.schema.js';
import { ReviewsQuery } from './reviews-query.js';
import { reviewsProjection } from './reviews.projection.js';

interface HistoryRow {
  readonly version: number;
  readonly time: Date;
  readonly type: string;
  readonly actor: string;
  readonly data: object;
}

/** The queue of reviews, the most urgent first. */
@Controller('approval/reviews')
@ApiTags('approval')
export class ReviewsController {
  constructor(
    private readonly database: Database,
    @InjectProjection(reviewsProjection) private readonly projection: ProjectionReadiness,
    @Inject(VAULT) private readonly vault: Vault,
  ) {}

  @Get()
  @Roles('reviewer', 'operator')
  @Lists(reviewSchema)
  async list(@Query() query: ReviewsQuery, @SeenPositions() seen: readonly Position[]) {
    await this.projection.reached(seen);
    const [dueAt = null, id = null] =
      query.cursor === undefined ? [] : decodeCursor(query.cursor, ['string', 'string']);
    const rows = await this.database.query<ReviewRow>(
      `${selectReviews}
       WHERE ($1::uuid IS NULL OR review.application_id = $1)
         AND ($2::text IS NULL OR review.status = $2)
         AND ($3::timestamptz IS NULL OR (review.due_at, review.id) > ($3, $4::uuid))
       ORDER BY review.due_at, review.id
       LIMIT $5`,
      [query.applicationId ?? null, query.status ?? null, dueAt, id, query.limit + 1],
    );
    const people = await this.vault.lookupSubjects(rows.map(({ view }) => view.ownerId));
    return pageOf(
      rows,
      query.limit,
      (row) => ({ ...describeSubmission(row, people), ...row.view }),
      (row) => [row.due_at.toISOString(), row.id],
    );
  }

  /** One review, with everything that happened to its application before reviewers. */
  @Get(':id')
  @Roles('reviewer', 'operator')
  @Reads(reviewSchema)
  async read(@UuidParam() id: string, @SeenPositions() seen: readonly Position[]) {
    await this.projection.reached(seen);
    const [row] = await this.database.query<ReviewRow>(`${selectReviews} WHERE review.id = $1`, [id]);
    if (row === undefined) throw notFound();
    const rows = await this.database.query<HistoryRow>(
      `SELECT version, time, type, actor, data FROM projection.approval_history
       WHERE application_id = $1 ORDER BY version`,
      [row.application_id],
    );
    const people = await this.vault.lookupSubjects([row.view.ownerId]);
    const history = rows.map(({ time, ...event }) => ({ ...event, time: time.toISOString() }));
    return Answer.ok({ ...describeSubmission(row, people), ...row.view, history }, { version: row.view.version });
  }
}
