import { auditedTopics } from '#records';
import { ApiPropertyOptional, PageQuery } from '#host';
import { Type } from 'class-transformer';
import { IsIn, IsInt, IsOptional, IsString, Matches, Max, MaxLength, Min } from 'class-validator';

const topics = auditedTopics.map(({ name }) => name);

/** Which checkpoints. */
export class CheckpointsQuery extends PageQuery {
  @IsOptional()
  @IsIn(topics)
  topic?: string;

  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(4095)
  partition?: number;
}

/** Which leaves of a checkpoint. */
export class LeavesQuery extends PageQuery {
  @ApiPropertyOptional({
    type: 'integer',
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
    description: 'The first leaf to show, from 0; where a cursor is given, that counts.',
  })
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  first?: number;
}

/** Since when a log only grew. */
export class ConsistencyQuery {
  /** The size of an earlier checkpoint of the same partition. */
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  since!: number;
}

/** Under which checkpoint a record is proved. */
export class ProofQuery {
  /** The id of a checkpoint of the record's partition; else the newest. */
  @IsOptional()
  @IsString()
  @MaxLength(64)
  @Matches(/^[^\0]*$/)
  checkpoint?: string;

  /** The size of an earlier checkpoint of the same partition: that the log only grew since is proved as well. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  since?: number;
}
