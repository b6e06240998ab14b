import { isId, type Position } from '#contracts';
import {
  Database,
  decodeCursor,
  InjectProjection,
  malformed,
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
import { describeSubmission } from './describe-submission.js';
import { StoredReview, StoredStep } from './review.entity.js';
import type { ReviewsQuery } from './reviews-query.js';
import { reviewsProjection } from './reviews.projection.js';

type ShownReview = ReturnType<typeof describeSubmission> & ReviewView;

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
    const rows = await this.database.read((manager) => {
      const query = manager
        .createQueryBuilder(StoredReview, 'review')
        .orderBy('review.dueAt')
        .addOrderBy('review.id')
        .limit(asked.limit + 1);
      if (asked.applicationId !== undefined) query.andWhere('review.applicationId = :of', { of: asked.applicationId });
      if (asked.status !== undefined) query.andWhere('review.status = :status', { status: asked.status });
      if (asked.cursor !== undefined) {
        const { dueAt, id } = placeIn(asked.cursor);
        query.andWhere('(review.dueAt, review.id) > (CAST(:dueAt AS timestamptz), CAST(:id AS uuid))', { dueAt, id });
      }
      return query.getMany();
    });
    const people = await this.vault.lookupSubjects(rows.map(({ view }) => view.ownerId));
    return pageOf(
      rows,
      asked.limit,
      (row) => ({ ...describeSubmission(row, people), ...row.view }),
      (row) => [row.dueAt.toISOString(), row.id],
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
    const row = await this.database.read((manager) => manager.findOneBy(StoredReview, { id }));
    if (row === null) throw notFound();
    const steps = await this.database.read((manager) =>
      manager.find(StoredStep, { where: { applicationId: row.applicationId }, order: { version: 'ASC' } }),
    );
    const people = await this.vault.lookupSubjects([row.view.ownerId]);
    const history = steps.map(({ applicationId: _, time, ...step }) => ({ ...step, time: time.toISOString() }));
    return { ...describeSubmission(row, people), ...row.view, history };
  }
}

/** The last review of the page before. */
function placeIn(cursor: string): { readonly dueAt: Date; readonly id: string } {
  const [time, id] = decodeCursor(cursor, ['string', 'string']);
  const dueAt = new Date(String(time));
  if (!/^\d{4}-/.test(String(time)) || Number.isNaN(dueAt.getTime()) || typeof id !== 'string' || !isId(id))
    throw malformed('The cursor is not one of this list.', [
      { pointer: '/cursor', detail: 'must be the `next` of a page of this list' },
    ]);
  return { dueAt, id };
}
