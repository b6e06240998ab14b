import { PageQuery } from '#host';
import { applyDecorators } from '@nestjs/common';
import { Type } from 'class-transformer';
import {
  IsInt,
  IsISO8601,
  IsNumberString,
  IsOptional,
  IsString,
  IsUUID,
  Matches,
  Max,
  MaxLength,
  Min,
} from 'class-validator';

/** A text of at most `length` characters; none of them NUL, which Postgres cannot be asked about. */
function Text(length: number): PropertyDecorator {
  return applyDecorators(IsOptional(), IsString(), MaxLength(length), Matches(/^[^\0]*$/));
}

/** A time that both Postgres and JavaScript read in the same way. */
function Time(): PropertyDecorator {
  const form = /^[12]\d{3}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d))?$/;
  return applyDecorators(IsOptional(), Matches(form), IsISO8601({ strict: true }));
}

/** What records may be searched by: the names that they have, and when (api.md, Shapes). */
export class RecordsQuery extends PageQuery {
  /** From this time on (RFC 3339, or a day in UTC). */
  @Time()
  from?: string;

  /** Before this time. */
  @Time()
  to?: string;

  @Text(200)
  id?: string;

  @Text(100)
  type?: string;

  @Text(100)
  outcome?: string;

  @IsOptional()
  @IsUUID()
  applicationId?: string;

  @Text(128)
  clientId?: string;

  @Text(80)
  userId?: string;

  @Text(80)
  actor?: string;

  /** The patient of the call, or one of those whose data was returned. */
  @Text(80)
  patient?: string;

  /** One of the patients whose data was returned. */
  @Text(80)
  patients?: string;

  @Text(100)
  interaction?: string;

  /** `Type` for all of that type, or `Type/id`. */
  @Text(200)
  resource?: string;

  @Text(512)
  scope?: string;

  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(2_147_483_647)
  approvalVersion?: number;

  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(100)
  @Max(599)
  status?: number;

  /** One of the purposes of the application. */
  @Text(64)
  purpose?: string;

  /** As `purpose`. */
  @Text(64)
  purposes?: string;

  @Text(2_000)
  reason?: string;

  @Text(200)
  tokenId?: string;

  @Text(200)
  callId?: string;

  @Text(200)
  enforcementPoint?: string;

  @Text(64)
  clientAddress?: string;

  @Text(1_000)
  userAgent?: string;

  /** Calls in observe mode that would have been `allowed`, `denied` or `filtered`. */
  @Text(20)
  observed?: string;

  @Text(255)
  correlationId?: string;

  @Text(249)
  topic?: string;

  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(4095)
  partition?: number;

  @IsOptional()
  @IsNumberString({ no_symbols: true })
  @MaxLength(18)
  offset?: string;

  @IsOptional()
  @IsNumberString({ no_symbols: true })
  @MaxLength(18)
  sequence?: string;

  @Text(100)
  run?: string;
}
