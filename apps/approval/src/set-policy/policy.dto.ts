import { applicationKinds } from '#contracts';
import { Nested, Text, Texts } from '#host';
import { ArrayMaxSize, IsIn, IsInt, Max, Min } from 'class-validator';

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
