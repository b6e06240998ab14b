import { ArrayMaxSize, IsArray, IsIn, IsISO8601, IsOptional, IsString, Length, Matches } from 'class-validator';

/** A reviewer's decision. Scopes, end, conditions and endpoints belong to `approve` alone. */
export class DecideReview {
  @IsIn(['approve', 'reject', 'request-changes'])
  decision: 'approve' | 'reject' | 'request-changes';

  /** Narrower than asked or equal; all that was asked when absent. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(200)
  @IsString({ each: true })
  @Length(1, 512, { each: true })
  scopes?: string[];

  /** RFC 3339, UTC; the latest that the policy allows when absent. */
  @IsOptional()
  @IsISO8601({ strict: true })
  @Matches(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z$/, { message: 'must be a time in RFC 3339, UTC' })
  expiresAt?: string;

  @IsOptional()
  @IsArray()
  @ArrayMaxSize(20)
  @IsString({ each: true })
  @Length(1, 500, { each: true })
  conditions?: string[];

  /** Ids of the FHIR endpoints that the approval covers; all when absent. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(100)
  @IsString({ each: true })
  @Length(1, 100, { each: true })
  endpoints?: string[];

  @IsString()
  @Length(1, 2000)
  reason: string;
}
