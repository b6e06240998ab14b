import { Nested } from '#host';
import { ArrayMaxSize, IsArray, IsIn, IsOptional, IsString, MaxLength, MinLength } from 'class-validator';
import {
  applicationKinds,
  clientTypes,
  OptionalMetadata,
  PurposeOfUse,
} from '../register-application/register-application.dto.js';

/** A merge patch (RFC 7396) of metadata: what is absent stays, `null` takes an optional field away. */
export class ChangeApplication extends OptionalMetadata {
  @IsOptional()
  @IsString()
  @MinLength(1)
  @MaxLength(200)
  name?: string;

  @IsOptional()
  @IsIn(applicationKinds)
  kind?: (typeof applicationKinds)[number];

  @IsOptional()
  @IsIn(clientTypes)
  clientType?: (typeof clientTypes)[number];

  @IsOptional()
  @IsArray()
  @ArrayMaxSize(128)
  @IsString({ each: true })
  @MinLength(1, { each: true })
  @MaxLength(512, { each: true })
  scopes?: string[];

  @IsOptional()
  @Nested(() => PurposeOfUse, { each: true })
  @ArrayMaxSize(20)
  purposesOfUse?: PurposeOfUse[];
}
