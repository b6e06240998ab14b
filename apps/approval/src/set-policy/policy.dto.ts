import { applicationKinds } from '#contracts';
import { Nested, Text, Texts } from '#host';
import {
  ArrayMaxSize,
  IsArray,
  IsIn,
  IsInt,
  IsISO8601,
  IsOptional,
  IsTimeZone,
  Matches,
  Max,
  Min,
} from 'class-validator';

/** A scope, and how many must approve whatever shares an interaction with it. */
export class ScopeRule {
  @Text(512)
  scope: string;

  @IsInt()
  @Min(1)
  @Max(5)
  approvals: number;
}

/** Scopes that applications of a kind get without a reviewer. */
export class AutoApproval {
  @IsIn(applicationKinds)
  kind: (typeof applicationKinds)[number];

  @Texts(128, 512)
  scopes: string[];
}

/** The approval policy, all of it. */
export class Policy {
  /** How many different reviewers must approve when no rule asks for more. */
  @IsInt()
  @Min(1)
  @Max(5)
  approvals: number;

  @ArrayMaxSize(200)
  @Nested(() => ScopeRule, { each: true })
  rules: ScopeRule[];

  @ArrayMaxSize(50)
  @Nested(() => AutoApproval, { each: true })
  autoApprove: AutoApproval[];

  /**
   * Business days until a review is due, from the request on, whatever is changed and submitted again meanwhile. Reviews
   * of patients' applications (`patient-access`) are due after five at most.
   */
  @IsInt()
  @Min(1)
  @Max(365)
  reviewDays: number;

  /** Dates that are no business days, besides Saturdays and Sundays. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(400)
  @IsISO8601({ strict: true }, { each: true })
  @Matches(/^\d{4}-\d\d-\d\d$/, { each: true, message: 'must be dates, such as 2026-12-25' })
  holidays?: string[];

  /** Where days begin and end, by its IANA name, such as `America/New_York`; UTC where absent. */
  @IsOptional()
  @IsTimeZone()
  timeZone?: string;

  /** The longest life of an approval, in days. */
  @IsInt()
  @Min(1)
  @Max(3650)
  maximumApprovalDays: number;
}
