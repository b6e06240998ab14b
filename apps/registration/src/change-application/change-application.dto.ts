import { applicationKinds, clientTypes } from '#contracts';
import { Nested, Text, Texts } from '#host';
import { ArrayMaxSize, ArrayNotEmpty, IsIn, IsOptional } from 'class-validator';
import { OptionalMetadata, PurposeOfUse } from '../register-application/register-application.dto.js';

/** A merge patch (RFC 7396) of metadata: what is absent stays, `null` takes an optional field away. */
export class ApplicationChange extends OptionalMetadata {
  @IsOptional()
  @Text(200)
  name?: string;

  @IsOptional()
  @IsIn(applicationKinds)
  kind?: (typeof applicationKinds)[number];

  @IsOptional()
  @IsIn(clientTypes)
  clientType?: (typeof clientTypes)[number];

  @IsOptional()
  @Texts(128, 512)
  scopes?: string[];

  @IsOptional()
  @Nested(() => PurposeOfUse, { each: true })
  @ArrayNotEmpty()
  @ArrayMaxSize(20)
  purposesOfUse?: PurposeOfUse[];
}
