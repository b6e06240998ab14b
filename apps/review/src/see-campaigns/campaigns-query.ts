import { PageQuery } from '#host';
import { IsIn, IsOptional, IsUUID } from 'class-validator';

export class CampaignsQuery extends PageQuery {
  @IsOptional()
  @IsIn(['open', 'closed'])
  status?: 'open' | 'closed';
}

export class ItemsQuery extends PageQuery {
  /** `none`: what nobody has decided yet. */
  @IsOptional()
  @IsIn(['none', 'keep', 'narrow', 'revoke'])
  decision?: 'none' | 'keep' | 'narrow' | 'revoke';

  @IsOptional()
  @IsIn(['keep', 'narrow', 'revoke'])
  recommendation?: 'keep' | 'narrow' | 'revoke';

  @IsOptional()
  @IsUUID()
  applicationId?: string;
}
