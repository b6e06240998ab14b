import { Nested } from '#host';
import { ArrayMaxSize, IsArray, IsIn, IsISO8601, IsOptional, IsString, IsUUID, Length, Matches } from 'class-validator';

const kinds = ['patient-access', 'provider', 'backend', 'ehr'] as const;

/** Which accesses a campaign asks about; where nothing is said, every access that is open. */
export class IncludeAccess {
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(kinds.length)
  @IsIn(kinds, { each: true })
  kinds?: (typeof kinds)[number][];

  @IsOptional()
  @IsArray()
  @ArrayMaxSize(5000)
  @IsUUID(undefined, { each: true })
  applicationIds?: string[];
}

export class OpenCampaign {
  @IsString()
  @Length(1, 200)
  @Matches(/\S/)
  name: string;

  /** Until when to decide, RFC 3339 in UTC. */
  @IsISO8601({ strict: true })
  @Matches(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/)
  dueAt: string;

  @IsOptional()
  @Nested(() => IncludeAccess)
  include?: IncludeAccess;

  /** What becomes of an access that nobody has decided about when the campaign is closed. */
  @IsOptional()
  @IsIn(['keep', 'revoke'])
  onSilence: 'keep' | 'revoke' = 'keep';
}
