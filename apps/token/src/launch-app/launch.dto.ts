import { Nested } from '#host';
import { ArrayMaxSize, IsOptional, IsString, Matches, MaxLength, MinLength } from 'class-validator';

const fhirId = /^[A-Za-z0-9.-]{1,64}$/;

/** A business identifier (R4, Identifier), as far as it is told to applications. */
export class ContextIdentifier {
  @IsOptional()
  @Matches(/^[a-z][a-z0-9+.-]{0,30}:[^\s]{1,500}$/i, { message: 'must be an absolute URI' })
  system?: string;

  @IsString()
  @MinLength(1)
  @MaxLength(200)
  value: string;
}

/** One entry of `fhirContext` (SMART App Launch 2.2, 2.0.11): a reference, a canonical or an identifier, or several of them. */
export class FhirContextEntry {
  @IsOptional()
  @Matches(/^[A-Z][A-Za-z]{2,40}\/[A-Za-z0-9.-]{1,64}$/)
  reference?: string;

  @IsOptional()
  @Matches(/^https?:\/\/[^\s]{1,500}$/)
  canonical?: string;

  @IsOptional()
  @Nested(() => ContextIdentifier)
  identifier?: ContextIdentifier;

  @IsOptional()
  @Matches(/^[A-Z][A-Za-z]{2,40}$/)
  type?: string;

  @IsOptional()
  @Matches(/^(launch|[a-z][a-z0-9+.-]{0,30}:[^\s]{1,500})$/, { message: 'must be launch or an absolute URI' })
  role?: string;
}

/** What an EHR asks a launch for. */
export class MintLaunch {
  @IsString()
  @MinLength(1)
  @MaxLength(128)
  clientId: string;

  /** The user's `sub` at the OpenID provider, or their FHIR resource, such as Practitioner/123. */
  @IsString()
  @MinLength(1)
  @MaxLength(256)
  user: string;

  /** The id of the FHIR endpoint that the launch is about; needed where there are several. */
  @IsOptional()
  @Matches(/^[a-z][a-z0-9-]{0,62}$/)
  endpoint?: string;

  @IsOptional()
  @Matches(fhirId)
  patient?: string;

  @IsOptional()
  @Matches(fhirId)
  encounter?: string;

  @IsOptional()
  @Nested(() => FhirContextEntry, { each: true })
  @ArrayMaxSize(20)
  fhirContext?: FhirContextEntry[];

  @IsOptional()
  @IsString()
  @MaxLength(200)
  intent?: string;

  @IsOptional()
  @IsString()
  @MaxLength(200)
  tenant?: string;
}
