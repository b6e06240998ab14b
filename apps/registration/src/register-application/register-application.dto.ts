import { applicationKinds, clientTypes } from '#contracts';
import { Nested, Text, Texts } from '#host';
import {
  ArrayMaxSize,
  ArrayNotEmpty,
  IsArray,
  IsBoolean,
  IsEmail,
  IsIn,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  MaxLength,
} from 'class-validator';

export class PurposeOfUse {
  @Text(64)
  code: string;

  @Text(2000)
  justification: string;
}

class Attestation {
  @IsString()
  @MaxLength(200)
  name: string;

  @IsString()
  @MaxLength(2000)
  value: string;
}

class EvidenceDocument {
  @IsString()
  @MaxLength(200)
  name: string;

  @Text(2048)
  uri: string;

  @Matches(/^[0-9a-f]{64}$/)
  sha256: string;
}

/** RFC 7517 §5. */
export class JwkSet {
  @IsArray()
  @ArrayMaxSize(20)
  @IsObject({ each: true })
  keys: Record<string, unknown>[];
}

/** Metadata that may be left out, at registration as in a change. */
export class OptionalMetadata {
  @IsOptional()
  @IsString()
  @MaxLength(4000)
  description?: string;

  @IsOptional()
  @Texts(50, 2048)
  redirectUris?: string[];

  @IsOptional()
  @Text(2048)
  launchUri?: string;

  @IsOptional()
  @Texts(50, 2048)
  allowedOrigins?: string[];

  @IsOptional()
  @Text(2048)
  jwksUri?: string;

  /** Mail addresses (RFC 7591 §2); they stand in the vault. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(20)
  @IsEmail({}, { each: true })
  contacts?: string[];

  @IsOptional()
  @Text(2048)
  privacyPolicyUri?: string;

  @IsOptional()
  @Text(2048)
  termsUri?: string;

  @IsOptional()
  @Text(2048)
  logoUri?: string;

  /** Authorization requests are pushed, or refused (RFC 9126 §6); false unless said. */
  @IsOptional()
  @IsBoolean()
  requirePushedAuthorizationRequests?: boolean;

  /** Tokens are issued to a key that the client shows by DPoP, or not at all (RFC 9449 §5.2); false unless said. */
  @IsOptional()
  @IsBoolean()
  dpopBoundAccessTokens?: boolean;

  @IsOptional()
  @Nested(() => Attestation, { each: true })
  @ArrayMaxSize(50)
  attestations?: Attestation[];

  @IsOptional()
  @Nested(() => EvidenceDocument, { each: true })
  @ArrayMaxSize(50)
  documents?: EvidenceDocument[];
}

/** An application as its developer declares it. */
export class NewApplication extends OptionalMetadata {
  @Text(200)
  name: string;

  @IsIn(applicationKinds)
  kind: (typeof applicationKinds)[number];

  @IsIn(clientTypes)
  clientType: (typeof clientTypes)[number];

  @Texts(128, 512)
  scopes: string[];

  @Nested(() => PurposeOfUse, { each: true })
  @ArrayNotEmpty()
  @ArrayMaxSize(20)
  purposesOfUse: PurposeOfUse[];

  @IsOptional()
  @Nested(() => JwkSet)
  jwks?: JwkSet;

  /** Registers and submits in one command. */
  @IsOptional()
  @IsBoolean()
  submit?: boolean;
}
