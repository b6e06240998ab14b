import type { ServicePart } from '#host';
import { CreateAccessCalls1763949700001 } from './migrations/create-access-calls.js';
import { CreateReview1763949700000 } from './migrations/create-review.js';
import { ReviewConfig } from './review.config.js';
import { ReviewModule } from './review.module.js';

/** Asks again, from time to time, which access is still needed. */
export const reviewPart: ServicePart = {
  name: 'review',
  defaultPort: 8085,
  module: ReviewModule,
  config: [ReviewConfig],
  migrations: { projection: [CreateReview1763949700000, CreateAccessCalls1763949700001] },
};
