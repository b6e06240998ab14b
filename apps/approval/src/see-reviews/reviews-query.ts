import { PageQuery } from '#host';
import { IsIn, IsOptional, IsUUID } from 'class-validator';
import type { ReviewStatus } from '../domain/application-approval.js';

const statuses = [
  'pending',
  'approved',
  'rejected',
  'changes-requested',
  'withdrawn',
] as const satisfies readonly ReviewStatus[];

/** Filters of the queue. */
export class ReviewsQuery extends PageQuery {
  @IsOptional()
  @IsUUID()
  applicationId?: string;

  @IsOptional()
  @IsIn(statuses)
  status?: ReviewStatus;
}
