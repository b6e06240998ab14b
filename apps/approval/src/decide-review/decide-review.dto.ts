import { Nested, Reason, Texts, UtcTime } from '#host';
import { ArrayNotEmpty, IsIn, IsInt, IsOptional, Max, Min } from 'class-validator';

/** What the application may call at each enforcement point; what is absent has no limit. */
class Limits {
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(10_000_000)
  callsPerMinute?: number;

  /** A day is one of UTC. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(10_000_000_000)
  callsPerDay?: number;

  /** Under way at once. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(100_000)
  concurrentCalls?: number;
}

/** A reviewer's decision. Scopes, end, conditions, endpoints and limits belong to `approve` alone. */
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

  /** Ids of the FHIR endpoints that the approval covers; all when absent. One that is not served is refused (422). */
  @IsOptional()
  @ArrayNotEmpty()
  @Texts(100, 100)
  endpoints?: string[];

  /** How much the application may call; the enforcement points' own settings when absent. */
  @IsOptional()
  @Nested(() => Limits)
  limits?: Limits;

  @Reason()
  reason: string;
}
