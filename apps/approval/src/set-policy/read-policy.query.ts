import type { ApprovalPolicy, Position } from '#contracts';
import { Database, InjectProjection, type ProjectionReadiness } from '#host';
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { StoredPolicy } from '../see-reviews/review.entity.js';
import { reviewsProjection } from '../see-reviews/reviews.projection.js';
import { defaultPolicy } from './set-policy.decider.js';

/** The approval policy: version 0 is the default, until an operator sets one. */
export class ReadPolicy extends Query<{ readonly policy: ApprovalPolicy; readonly version: number }> {
  constructor(readonly seen: readonly Position[]) {
    super();
  }
}

@QueryHandler(ReadPolicy)
export class ReadPolicyHandler implements IQueryHandler<ReadPolicy> {
  constructor(
    private readonly database: Database,
    @InjectProjection(reviewsProjection) private readonly projection: ProjectionReadiness,
  ) {}

  async execute({ seen }: ReadPolicy) {
    await this.projection.reached(seen);
    const [set] = await this.database.read((manager) =>
      manager.find(StoredPolicy, { order: { version: 'DESC' }, take: 1 }),
    );
    return set === undefined ? { policy: defaultPolicy, version: 0 } : { policy: set.policy, version: set.version };
  }
}
