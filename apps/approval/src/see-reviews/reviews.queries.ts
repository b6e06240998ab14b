import type { Position } from '#contracts';
import {
  Database,
  decodeCursor,
  InjectProjection,
  notFound,
  pageOf,
  VAULT,
  type Page,
  type ProjectionReadiness,
} from '#host';
import type { Vault } from '#vault';
import { Inject } from '@nestjs/common';
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { ReviewView } from '../domain/application-approval.js';
import { describeSubmission, selectReviews, type ReviewRow } from './review-row.js';
import type { ReviewsQuery } from './reviews-query.js';
import { reviewsProjection } from './reviews.projection.js';

type ShownReview = ReturnType<typeof describeSubmission> & ReviewView;

interface HistoryRow {
  readonly version: number;
  readonly time: Date;
  readonly type: string;
  readonly actor: string;
  readonly data: object;
}

/** The queue of reviews, the most urgent first. */
export class ListReviews extends Query<Page<ShownReview>> {
  constructor(
    readonly asked: ReviewsQuery,
    readonly seen: readonly Position[],
  ) {
    super();
  }
}

@QueryHandler(ListReviews)
export class ListReviewsHandler implements IQueryHandler<ListReviews> {
  constructor(
    private readonly database: Database,
    @InjectProjection(reviewsProjection) private readonly projection: ProjectionReadiness,
    @Inject(VAULT) private readonly vault: Vault,
  ) {}

  async execute({ asked, seen }: ListReviews): Promise<Page<ShownReview>> {
    await this.projection.reached(seen);
    const [dueAt = null, id = null] =
      asked.cursor === undefined ? [] : decodeCursor(asked.cursor, ['string', 'string']);
    const rows = await this.database.query<ReviewRow>(
      `${selectReviews}
       WHERE ($1::uuid IS NULL OR review.application_id = $1)
         AND ($2::text IS NULL OR review.status = $2)
         AND ($3::timestamptz IS NULL OR (review.due_at, review.id) > ($3, $4::uuid))
       ORDER BY review.due_at, review.id
       LIMIT $5`,
      [asked.applicationId ?? null, asked.status ?? null, dueAt, id, asked.limit + 1],
    );
    const people = await this.vault.lookupSubjects(rows.map(({ view }) => view.ownerId));
    return pageOf(
      rows,
      asked.limit,
      (row) => ({ ...describeSubmission(row, people), ...row.view }),
      (row) => [row.due_at.toISOString(), row.id],
    );
  }
}

/** One review, with everything that happened to its application before reviewers. */
export class ReadReview extends Query<ShownReview & { readonly history: readonly object[] }> {
  constructor(
    readonly id: string,
    readonly seen: readonly Position[],
  ) {
    super();
  }
}

@QueryHandler(ReadReview)
export class ReadReviewHandler implements IQueryHandler<ReadReview> {
  constructor(
    private readonly database: Database,
    @InjectProjection(reviewsProjection) private readonly projection: ProjectionReadiness,
    @Inject(VAULT) private readonly vault: Vault,
  ) {}

  async execute({ id, seen }: ReadReview) {
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
    return { ...describeSubmission(row, people), ...row.view, history };
  }
}
