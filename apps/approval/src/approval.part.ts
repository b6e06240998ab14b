import { EndpointIdsConfig } from '#fhir-endpoints';
import type { ServicePart } from '#host';
import { ApprovalModule } from './approval.module.js';
import { ApprovalConfig } from './keep-clocks/approval.config.js';
import { StoredApproval, StoredPolicy, StoredReview, StoredStep } from './see-reviews/review.entity.js';
import { CreateApproval1763942400010 } from './migrations/create-approval.js';

/** Approval: who must approve what, what was approved, narrower than asked, until when; and the policy. */
export const approvalPart: ServicePart = {
  name: 'approval',
  defaultPort: 8082,
  module: ApprovalModule,
  entities: [StoredApproval, StoredReview, StoredStep, StoredPolicy],
  config: [ApprovalConfig, EndpointIdsConfig],
  migrations: { projection: [CreateApproval1763942400010] },
};
