import { applicationKinds } from '#contracts';
import { Nested, Text, UtcTime } from '#host';
import { ArrayMaxSize, IsArray, IsIn, IsOptional, IsUUID, Matches } from 'class-validator';

/** Which accesses a campaign asks about; where nothing is said, every access that is open. */
export class IncludedAccess {
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(applicationKinds.length)
  @IsIn(applicationKinds, { each: true })
  kinds?: (typeof applicationKinds)[number][];

  @IsOptional()
  @IsArray()
  @ArrayMaxSize(5000)
  @IsUUID(undefined, { each: true })
  applicationIds?: string[];
}

export class NewCampaign {
  @Text(200)
  @Matches(/\S/)
  name: string;

  /** Until when to decide, RFC 3339 in UTC. */
  @UtcTime()
  dueAt: string;

  @IsOptional()
  @Nested(() => IncludedAccess)
  include?: IncludedAccess;

  /** What becomes of an access that nobody has decided about when the campaign is closed. */
  @IsOptional()
  @IsIn(['keep', 'revoke'])
  onSilence: 'keep' | 'revoke' = 'keep';
}
