import { Reason, Texts } from '#host';
import { IsIn, IsOptional } from 'class-validator';

export class ItemDecision {
  @IsIn(['keep', 'narrow', 'revoke'])
  decision: 'keep' | 'narrow' | 'revoke';

  /** With `narrow`: the scopes that remain, less than what is approved. */
  @IsOptional()
  @Texts(200, 512)
  scopes?: string[];

  @Reason()
  reason: string;
}
