import { Reason, Texts, UtcTime } from '#host';
import { ArrayNotEmpty, IsIn, IsOptional } from 'class-validator';

/** A reviewer's decision. Scopes, end, conditions and endpoints belong to `approve` alone. */
export class ReviewDecision {
  @IsIn(['approve', 'reject', 'request-changes'])
  decision: 'approve' | 'reject' | 'request-changes';

  /** Narrower than asked or equal; all that was asked when absent. */
  @IsOptional()
  @Texts(200, 512)
  scopes?: string[];

  /** RFC 3339, UTC; the latest that the policy allows when absent. */
  @IsOptional()
  @UtcTime()
  expiresAt?: string;

  @IsOptional()
  @Texts(20, 500)
  conditions?: string[];

  /** Ids of the FHIR endpoints that the approval covers; all when absent. */
  @IsOptional()
  @ArrayNotEmpty()
  @Texts(100, 100)
  endpoints?: string[];

  @Reason()
  reason: string;
}
