import { BaseConfig, Setting, type ConfigFault, type ConfigSection } from '#host';
import { readStatementIssuers, type StatementIssuer } from './register-client/statement-issuers.js';
import { IsBoolean, IsIn, IsInt, IsOptional, IsString, Matches, Max, MaxLength, Min, MinLength } from 'class-validator';

/** Settings of the token service. */
export class TokenConfig implements ConfigSection {
  @Setting('TOKEN_JWKS_ALLOW_LOOPBACK', {
    mustBe: '1 or 0, and 1 in development alone',
    describe: 'Development: clients’ key sets may be fetched over plain http and from loopback addresses.',
  })
  @IsBoolean()
  jwksAllowLoopback: boolean = false;

  @Setting('TOKEN_ACCESS_LIFE', {
    mustBe: 'a number of seconds from 60 to 3600',
    describe: 'How long an access token of a user’s grant lives, in seconds.',
  })
  @IsInt()
  @Min(60)
  @Max(3600)
  accessLife: number = 3600;

  @Setting('TOKEN_REFRESH_DAYS', {
    mustBe: 'a number of days from 1 to 730',
    describe: 'How long a refresh token lives after each use, in days; certified API developers owe three months.',
  })
  @IsInt()
  @Min(1)
  @Max(730)
  refreshDays: number = 100;

  @Setting('TOKEN_DPOP_NONCE_REQUIRED', {
    mustBe: '1 or 0',
    describe:
      'Whether a DPoP proof at the token endpoint needs a nonce of ours, so that none can be made ahead of its use. A nonce is given with every answer to a proof.',
  })
  @IsBoolean()
  dpopNonceRequired: boolean = false;

  @Setting('TOKEN_OPEN_REGISTRATION', {
    mustBe: '1 or 0',
    describe:
      'Whether clients may register at /oauth/register without an initial access token. They stay drafts until a developer who is signed in claims them.',
  })
  @IsBoolean()
  openRegistration: boolean = false;

  @Setting('TOKEN_OPEN_REGISTRATIONS_PER_HOUR', {
    mustBe: 'a number from 1 to 10000',
    describe: 'How many clients may register without an initial access token in an hour, at all instances together.',
  })
  @IsInt()
  @Min(1)
  @Max(10_000)
  openRegistrationsPerHour: number = 20;

  @Setting('TOKEN_STATEMENT_ISSUERS', {
    mustBe: 'the path of a JSON file that lists issuers of software statements (docs/software-statements.md)',
    describe: 'Whose software statements are taken at /oauth/register.',
    byDefault: 'nobody’s',
  })
  @IsOptional()
  @IsString()
  statementIssuersFile?: string;

  statementIssuers: readonly StatementIssuer[] = [];
  private statementIssuersFault: string | undefined;

  @Setting('TOKEN_KEY_DAYS', {
    mustBe: 'a number of days from 1 to 365',
    describe: 'How often a new signing key is made, in days.',
  })
  @IsInt()
  @Min(1)
  @Max(365)
  keyDays: number = 30;

  @Setting('TOKEN_KMS_URL', {
    mustBe: 'an https URL without a slash at its end, together with TOKEN_KMS_TOKEN',
    describe:
      'A service that makes and holds the keys that sign tokens (docs/adr/0022). Without one they are made here.',
  })
  @IsOptional()
  @Matches(/^https?:\/\/[^?#@\s]+[^?#@\s/]$/)
  kmsUrl?: string;

  @Setting('TOKEN_KMS_TOKEN', {
    mustBe: 'the bearer token of that service, together with TOKEN_KMS_URL',
    describe: 'As whom this service asks it for signatures.',
    secret: true,
  })
  @IsOptional()
  @Matches(/^[\x21-\x7e]{16,}$/)
  kmsToken?: string;

  @Setting('TOKEN_SIGN_IN_CLIENT_ID', {
    mustBe: 'the client_id of this service at the OpenID provider',
    describe: 'As whom people are sent to `IDENTITY_ISSUER` to sign in.',
  })
  @IsString()
  @MinLength(1)
  signInClientId: string = 'gatehouse-sign-in';

  @Setting('TOKEN_SIGN_IN_CLIENT_SECRET', {
    mustBe: 'the secret of that client',
    describe: 'Its secret there; without one it is a public client with PKCE.',
    secret: true,
  })
  @IsOptional()
  @IsString()
  @MinLength(16)
  signInClientSecret?: string;

  @Setting('TOKEN_LOGOUT_ENDS', {
    mustBe: 'everything or sessions',
    describe:
      'What the provider’s logout of all of a person’s sessions ends: `everything`, grants that go on without the person included, as for somebody who was disabled; or `sessions` and what lasts as long. For providers whose ordinary logout names no session.',
  })
  @IsIn(['everything', 'sessions'])
  logoutEnds: 'everything' | 'sessions' = 'everything';

  @Setting('TOKEN_FHIR_USER_CLAIM', {
    mustBe: 'a claim’s name',
    describe: 'The claim of the id_token that names the person’s own FHIR resource, such as Patient/123.',
  })
  @Matches(/^[\w:/.-]{1,200}$/)
  fhirUserClaim: string = 'fhirUser';

  @Setting('TOKEN_BRAND_NAME', {
    mustBe: 'a name of 1 to 200 characters',
    describe:
      'The organisation that runs this service and approves applications, as patients know it: on the pages that ask for consent and list what was agreed to, and in the Bundle of user-access brands.',
    byDefault: '`Gatehouse` in development, else required',
  })
  @IsString()
  @MinLength(1)
  @MaxLength(200)
  brandName: string;

  @Setting('TOKEN_BRAND_WEBSITE', {
    mustBe: 'an http(s) URL',
    describe: 'Where patients find it, in the same Bundle.',
    byDefault: '`PUBLIC_URL`',
  })
  @IsOptional()
  @Matches(/^https?:\/\/[^\s]+$/)
  brandWebsite?: string;

  @Setting('TOKEN_STYLE_URL', {
    mustBe: 'an https URL',
    describe: '`smart_style_url` of token responses; its URL has to change when its content does.',
    byDefault: 'that of the pages here',
  })
  @IsOptional()
  @Matches(/^https:\/\/[^\s]+$/)
  styleUrl?: string;

  complete(_service: object, base: object): void {
    const given: { readonly brandName?: string | undefined } = { ...this };
    const development = base instanceof BaseConfig && base.development;
    if (given.brandName === undefined && development) this.brandName = 'Gatehouse';
    if (this.statementIssuersFile === undefined) return;
    const read = readStatementIssuers(this.statementIssuersFile);
    if (read.ok) this.statementIssuers = read.issuers;
    else this.statementIssuersFault = read.fault;
  }

  faults(base: object): readonly ConfigFault[] {
    const development = base instanceof BaseConfig && base.development;
    return [
      ...(this.jwksAllowLoopback && !development
        ? [{ variable: 'TOKEN_JWKS_ALLOW_LOOPBACK', mustBe: '0 outside development', given: '1' }]
        : []),
      ...this.faultsOfStatementIssuers(),
      ...((this.kmsUrl === undefined) === (this.kmsToken === undefined)
        ? []
        : [{ variable: 'TOKEN_KMS_TOKEN', mustBe: 'set together with TOKEN_KMS_URL' }]),
      ...(this.kmsUrl?.startsWith('http:') === true && !development
        ? [{ variable: 'TOKEN_KMS_URL', mustBe: 'an https URL outside development', given: this.kmsUrl }]
        : []),
    ];
  }

  private faultsOfStatementIssuers(): readonly ConfigFault[] {
    const { statementIssuersFile: given, statementIssuersFault: fault, jwksAllowLoopback } = this;
    const about = { variable: 'TOKEN_STATEMENT_ISSUERS', ...(given === undefined ? {} : { given }) };
    if (fault !== undefined) return [{ ...about, mustBe: fault }];
    const isOpen = this.statementIssuers.some(({ jwksUri }) => jwksUri?.startsWith('http:') === true);
    return isOpen && !jwksAllowLoopback ? [{ ...about, mustBe: 'a list of https addresses' }] : [];
  }
}
