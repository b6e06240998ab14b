import { hkdfSync, randomBytes } from 'node:crypto';
import type { CallLimits } from '#contracts';
import { BaseConfig, type ConfigFault, type ConfigSection, isLoopbackUrl, Setting } from '#host';
import { allResourceTypes, type Enforced, isWrittenByName, oauthPaths } from '#smart';
import { ArrayMaxSize, IsBoolean, IsIn, IsInt, IsOptional, IsString, Matches, Max, Min } from 'class-validator';
import type { SealingKeys } from './page-links/sealed.js';
import type { BundleLimits } from './bundle/bundle-bounds.js';
import { readRightsRule, type RightsRule } from './user-rights/configured-rights.js';

const pageKeys = 'one to four keys separated by commas, each 32 bytes in base64, the same for all instances';

/** The settings of the gateway alone. */
export class GatewayConfig implements ConfigSection {
  @Setting('GATEWAY_JWKS_URL', {
    mustBe: 'the URL of the token service’s keys; https outside development, but on this machine',
    describe: 'Where the keys are that access tokens are signed with.',
    byDefault: '`PUBLIC_URL`/oauth/jwks',
  })
  @Matches(/^https?:\/\/[^?#@\s]+$/)
  jwksUrl: string;

  @Setting('GATEWAY_UPSTREAM_TIMEOUT', {
    mustBe: 'a number of seconds from 1 to 120',
    describe: 'How long the FHIR server may take to answer, in seconds.',
  })
  @IsInt()
  @Min(1)
  @Max(120)
  upstreamTimeout: number = 30;

  @Setting('GATEWAY_UPSTREAM_MAX_BYTES', {
    mustBe: 'a number of bytes from 65536 to 268435456',
    describe: 'The largest answer that is taken from the FHIR server, in bytes.',
  })
  @IsInt()
  @Min(65_536)
  @Max(268_435_456)
  upstreamMaxBytes: number = 33_554_432;

  @Setting('GATEWAY_PASSED_MAX_BYTES', {
    mustBe: 'a number of bytes from 262144 to 1099511627776',
    describe:
      'The largest resource that is passed on while it comes, in bytes: one of which no check needs the whole (docs/adr/0044).',
  })
  @IsInt()
  @Min(262_144)
  @Max(1_099_511_627_776)
  passedMaxBytes: number = 4_294_967_296;

  @Setting('GATEWAY_PASSED_AT_ONCE', {
    mustBe: 'a number from 2 to 10000',
    describe:
      'How many large resources may be passed on at once while they come, beside the other requests to the FHIR server; half of them for one application. Who waits for a place longer than GATEWAY_UPSTREAM_TIMEOUT is told to come again.',
  })
  @IsInt()
  @Min(2)
  @Max(10_000)
  passedAtOnce: number = 64;

  @Setting('GATEWAY_EXPORT_FILES_AT_ONCE', {
    mustBe: 'a number from 2 to 10000',
    describe:
      'How many files of exports may be on their way at once, beside the other requests to the FHIR server; half of them for one application. Who waits for a place longer than GATEWAY_UPSTREAM_TIMEOUT is told to come again.',
  })
  @IsInt()
  @Min(2)
  @Max(10_000)
  exportFilesAtOnce: number = 32;

  @Setting('GATEWAY_UPSTREAM_CONNECTIONS', {
    mustBe: 'a number from 2 to 10000',
    describe: 'How many requests to the FHIR server may be under way at once; half of them for one application.',
  })
  @IsInt()
  @Min(2)
  @Max(10_000)
  upstreamConnections: number = 256;

  @Setting('GATEWAY_BODY_MEMORY', {
    mustBe: 'a number of bytes from 1048576 to 17179869184',
    describe: 'What answers of the FHIR server beyond 256 kB may take of the memory together, in bytes.',
  })
  @IsInt()
  @Min(1_048_576)
  @Max(17_179_869_184)
  bodyMemory: number = 268_435_456;

  @Setting('GATEWAY_WRITES', {
    mustBe: 'true or false',
    describe:
      'Whether data may be changed through the gateway. Before the first write it makes sure, with a resource of its own, that the FHIR server keeps If-Match.',
  })
  @IsBoolean()
  writes: boolean = true;

  @Setting('GATEWAY_WRITES_BY_NAME', {
    mustBe: 'resource types such as Consent or Questionnaire, separated by commas',
    describe:
      'Which conformance and terminology types, Consent, AuditEvent and Group may be written, under a scope that names the type.',
    byDefault: 'none',
  })
  @IsIn(allResourceTypes.filter(isWrittenByName), { each: true })
  writesByName: string[] = [];

  @Setting('GATEWAY_UPDATES_CREATE', {
    mustBe: 'true or false',
    describe:
      'Whether an update of an id that is not there creates it, for tokens from which nothing of the type is hidden; for all others, and without it, it is 404 (docs/adr/0025). The FHIR server must do so, too, and keep If-None-Match.',
  })
  @IsBoolean()
  updatesCreate: boolean = false;

  @Setting('GATEWAY_BODY_MAX_BYTES', {
    mustBe: 'a number of bytes from 1024 to 67108864',
    describe: 'The largest resource, patch or Bundle that is taken from a caller, in bytes.',
  })
  @IsInt()
  @Min(1_024)
  @Max(67_108_864)
  bodyMaxBytes: number = 4_194_304;

  @Setting('GATEWAY_BUNDLE_MAX_ENTRIES', {
    mustBe: 'a number from 1 to 1000',
    describe: 'How many entries a batch or a transaction may have. Each counts as a call of its application.',
  })
  @IsInt()
  @Min(1)
  @Max(1_000)
  bundleMaxEntries: number = 100;

  @Setting('GATEWAY_BUNDLE_TIMEOUT', {
    mustBe: 'a number of seconds from 1 to 600',
    describe: 'How long a batch or a transaction may take before no more of it is begun, in seconds.',
  })
  @IsInt()
  @Min(1)
  @Max(600)
  bundleTimeout: number = 60;

  @Setting('GATEWAY_CALLS_PER_MINUTE', {
    mustBe: 'a number from 1 to 10000000',
    describe: 'How often an application may call this instance in a minute, where its approval does not say.',
    byDefault: 'no limit',
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(10_000_000)
  callsPerMinute?: number;

  @Setting('GATEWAY_CONCURRENT_CALLS', {
    mustBe: 'a number from 1 to 100000',
    describe: 'How many calls of an application may be under way at this instance, where its approval does not say.',
    byDefault: 'no limit',
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(100_000)
  concurrentCalls?: number;

  @Setting('GATEWAY_USER_RIGHTS', {
    mustBe: 'rules such as Practitioner:everybody or RelatedPerson:patient-in-context, separated by commas',
    describe:
      'Whose data users see, by the type of their own resource, at endpoints that do not say who decides it (`userRights`); a Patient sees the own, others nobody’s.',
    byDefault: 'Practitioner:patient-in-context in development, else none',
  })
  @Matches(/^(Practitioner|PractitionerRole|RelatedPerson|Person):(everybody|patient-in-context)$/, { each: true })
  userRights: string[];

  @Setting('GATEWAY_DPOP_NONCE_REQUIRED', {
    mustBe: '1 or 0',
    describe:
      'Whether a DPoP proof at the FHIR API needs a nonce of ours, so that none can be made ahead of its use. A nonce is given with every answer to a proof.',
  })
  @IsBoolean()
  dpopNonceRequired: boolean = false;

  @Setting('GATEWAY_SPOOL_FOLDER', {
    mustBe: 'the path of a folder',
    describe:
      'Where records wait while Kafka is away, of reads for which an endpoint says so (`auditAvailable`). A folder of this instance’s own, on a disk that outlives it.',
    byDefault: 'none: needed where an endpoint says so',
  })
  @IsOptional()
  @IsString()
  spoolFolder?: string;

  @Setting('GATEWAY_SPOOL_MAX_BYTES', {
    mustBe: 'a number of bytes from 1048576 to 1073741824',
    describe: 'What may wait there, in bytes; beyond it calls are answered 503.',
  })
  @IsInt()
  @Min(1_048_576)
  @Max(1_073_741_824)
  spoolMaxBytes: number = 67_108_864;

  @Setting('GATEWAY_PAGE_KEY', {
    mustBe: pageKeys,
    describe:
      'Seal the links to next pages, the addresses of exports and the nonces of proofs. Of several the first seals, and each opens (docs/runbooks/rolling-restart.md). In development made at the start when unset; links then end with the process.',
    byDefault: 'made at the start in development, else required',
    secret: true,
  })
  @ArrayMaxSize(4)
  @Matches(/^[A-Za-z0-9+/]{43}=$/, { each: true })
  pageKeys: string[] = [];

  /** What is configured of users' rights. */
  rightsRules(): readonly (readonly [string, RightsRule])[] {
    return this.userRights.map(readRightsRule).filter((it) => it !== undefined);
  }

  /** What is enforced of calls beside the decision: without it they are refused. */
  enforced(): Enforced {
    if (!this.writes) return { bundles: true };
    const byName = new Set(this.writesByName);
    return { bundles: true, writes: { byName, ...(this.updatesCreate ? { updatesCreate: true } : {}) } };
  }

  /** How much one batch or transaction may be; its answer is as large as one of the FHIR server's at most. */
  bundleLimits(): BundleLimits {
    const { bundleMaxEntries, upstreamMaxBytes, bundleTimeout } = this;
    return { entries: bundleMaxEntries, answerBytes: upstreamMaxBytes, timeMs: bundleTimeout * 1000 };
  }

  sealingKeys(): SealingKeys {
    const [first = randomBytes(32), ...earlier] = this.pageKeys.map((each) => Buffer.from(each, 'base64'));
    return [first, ...earlier];
  }

  /** What the nonces of proofs are made from: the page keys seal, and these are others made of them. */
  nonceSecrets(): SealingKeys {
    const made = (key: Buffer) => Buffer.from(hkdfSync('sha256', key, '', 'gatehouse-dpop-nonces', 32));
    const [first, ...earlier] = this.sealingKeys();
    return [made(first), ...earlier.map(made)];
  }

  /** What an application may call whose approval says nothing of it. */
  limits(): CallLimits {
    const { callsPerMinute, concurrentCalls } = this;
    return {
      ...(callsPerMinute === undefined ? {} : { callsPerMinute }),
      ...(concurrentCalls === undefined ? {} : { concurrentCalls }),
    };
  }

  faults(base: object): readonly ConfigFault[] {
    const development = base instanceof BaseConfig && base.development;
    const { upstreamMaxBytes, bodyMemory } = this;
    // Without PUBLIC_URL there is none.
    const given: { readonly jwksUrl?: string | undefined } = { ...this };
    return [
      ...(this.pageKeys.length === 0 && !development
        ? [{ variable: 'GATEWAY_PAGE_KEY', mustBe: `set outside development: ${pageKeys}` }]
        : []),
      // Whoever answers there says which tokens count.
      ...(given.jwksUrl?.startsWith('http:') === true && !isLoopbackUrl(given.jwksUrl) && !development
        ? [{ variable: 'GATEWAY_JWKS_URL', mustBe: 'an https URL outside development', given: given.jwksUrl }]
        : []),
      ...(bodyMemory < upstreamMaxBytes
        ? [
            {
              variable: 'GATEWAY_BODY_MEMORY',
              mustBe: 'at least GATEWAY_UPSTREAM_MAX_BYTES',
              given: String(bodyMemory),
            },
          ]
        : []),
    ];
  }

  complete(_service: object, base: object): void {
    const rights: { readonly userRights?: string[] | undefined } = { ...this };
    const isDevelopment = base instanceof BaseConfig && base.development;
    if (rights.userRights === undefined) this.userRights = isDevelopment ? ['Practitioner:patient-in-context'] : [];
    const given: { readonly jwksUrl?: string | undefined } = { ...this };
    const { publicUrl } = base as Partial<BaseConfig>;
    if (given.jwksUrl === undefined && publicUrl !== undefined) this.jwksUrl = publicUrl + oauthPaths.jwks;
  }
}
