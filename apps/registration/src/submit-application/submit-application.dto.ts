import { IsOptional, IsString, MaxLength } from 'class-validator';

export class Comment {
  @IsOptional()
  @IsString()
  @MaxLength(2000)
  comment?: string;
}
