import { applicationKinds } from '#contracts';
import { PageQuery } from '#host';
import { IsIn, IsOptional } from 'class-validator';
import { applicationSchema } from './application.schema.js';

export class ApplicationsQuery extends PageQuery {
  @IsOptional()
  @IsIn(applicationSchema.properties.status.enum)
  status?: string;

  @IsOptional()
  @IsIn(applicationKinds)
  kind?: string;
}
