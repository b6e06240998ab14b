import { ArrayMaxSize, IsArray, IsIn, IsOptional, IsString, Length, Matches } from 'class-validator';

export class DecideItem {
  @IsIn(['keep', 'narrow', 'revoke'])
  decision: 'keep' | 'narrow' | 'revoke';

  /** With `narrow`: the scopes that remain, less than what is approved. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(200)
  @IsString({ each: true })
  @Length(1, 512, { each: true })
  scopes?: string[];

  @IsString()
  @Length(1, 2000)
  @Matches(/\S/)
  reason: string;
}
