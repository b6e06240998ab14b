import { Nested } from '#host';
import { ArrayMaxSize, IsArray, IsIn, IsInt, IsString, Length, Max, Min } from 'class-validator';

const kinds = ['patient-access', 'provider', 'backend', 'ehr'] as const;

/** A scope, and how many must approve whatever shares an interaction with it. */
export class ScopeRule {
  @IsString()
  @Length(1, 512)
  scope: string;

  @IsInt()
  @Min(1)
  @Max(5)
  approvals: number;
}

/** Scopes that applications of a kind get without a reviewer. */
export class AutoApproval {
  @IsIn(kinds)
  kind: (typeof kinds)[number];

  @IsArray()
  @ArrayMaxSize(128)
  @IsString({ each: true })
  @Length(1, 512, { each: true })
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

  /** Days until a review is due. */
  @IsInt()
  @Min(1)
  @Max(365)
  reviewDays: number;

  /** The longest life of an approval, in days. */
  @IsInt()
  @Min(1)
  @Max(3650)
  maximumApprovalDays: number;
}
