import {
  ArrayNotEmpty,
  IsBoolean,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  Matches,
  Max,
  Min,
  MinLength,
} from 'class-validator';
import ipaddr from 'ipaddr.js';
import { isLoopbackHost, isLoopbackUrl } from './loopback.js';
import { Setting, type ConfigFault, type ConfigSection, type ServiceIdentity } from './setting.js';

/** Where the sandbox answers below `PUBLIC_URL`: the defaults of the identity provider and the upstream in development. */
export const sandboxPaths = { directory: '/sandbox/directory', fhir: '/sandbox/fhir', ehr: '/sandbox/ehr' } as const;

/** Signature algorithms that an identity provider's tokens may use; none is symmetric, and `none` is not one. */
export const identityAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const;

const proxies = 'a list of IP addresses and networks (CIDR), none larger than /8 (IPv6: /16)';

/** The settings that every service shares (api.md, Configuration; security.md, Who is believed). */
export class BaseConfig implements ConfigSection {
  @Setting('HOST', {
    mustBe: 'an address or host name to listen on',
    describe: 'Where to listen; loopback alone in development.',
  })
  @Matches(/^[\w.:[\]-]+$/)
  host: string = '127.0.0.1';

  @Setting('PORT', {
    mustBe: 'a port number',
    describe: 'The port to listen on.',
    byDefault: '8080; an app alone: 8081 to 8087',
  })
  @IsInt()
  @Min(0)
  @Max(65535)
  port: number;

  @Setting('ADMIN_PORT', {
    mustBe: 'a port number other than PORT',
    describe:
      'When set, serves everything but /oauth, /.well-known, /fhir and the patients’ pages there, and only there; of /oauth what needs a role, such as launches and initial access tokens (docs/adr/0036).',
  })
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(65535)
  adminPort?: number;

  @Setting('REQUESTS_AT_ONCE', {
    mustBe: 'a number from 1 to 100000',
    describe:
      'How many requests this process has under way at once; more are answered 503, and four times as many connections may be open (docs/limits.md).',
  })
  @IsInt()
  @Min(1)
  @Max(100_000)
  requestsAtOnce: number = 2_000;

  @Setting('PUBLIC_URL', {
    mustBe: 'an origin such as https://gatehouse.example.org, without a path or a slash at its end',
    describe: 'Where callers reach this service; https outside development.',
    byDefault: 'http://HOST:PORT in development',
  })
  @Matches(/^https?:\/\/[^/?#@\s]+$/)
  publicUrl: string;

  @Setting('GATEHOUSE_DEV', {
    mustBe: '1 or 0',
    describe: 'Development: the sandbox, generated keys, no TLS; loopback only.',
  })
  @IsBoolean()
  development: boolean = false;

  @Setting('DATA_DIR', { mustBe: 'a path', describe: 'Where development keeps what it generates.' })
  @IsString()
  dataDir: string = '.gatehouse';

  @Setting('IDENTITY_ISSUER', {
    mustBe: 'the https URL of an OpenID provider, exactly as its tokens write `iss`',
    describe: 'The provider whose tokens count here.',
    byDefault: 'the sandbox’s directory in development',
  })
  @Matches(/^https?:\/\/[^?#@\s]+$/)
  identityIssuer: string;

  @Setting('IDENTITY_AUDIENCE', {
    mustBe: 'the `aud` of tokens for this API, other than the FHIR base',
    describe: 'A token counts only with this audience.',
    byDefault: '`gatehouse` in development',
  })
  @IsString()
  @MinLength(1)
  identityAudience: string;

  @Setting('IDENTITY_ROLES_CLAIM', {
    mustBe: 'a claim’s name, or a path such as realm_access.roles',
    describe: 'The claim that lists roles.',
  })
  @IsString()
  identityRolesClaim: string = 'roles';

  @Setting('IDENTITY_ACR', {
    mustBe: 'a list of `acr` values',
    describe: 'Reviewer and operator count only with one of these, where set.',
  })
  @IsString({ each: true })
  identityAcr: string[] = [];

  @Setting('IDENTITY_AMR', {
    mustBe: 'a list of `amr` values',
    describe: 'Reviewer and operator count only with one of these, where set.',
  })
  @IsString({ each: true })
  identityAmr: string[] = [];

  @Setting('IDENTITY_TYP', {
    mustBe: 'a list of `typ` header values',
    describe: 'What an access token’s header may say it is (RFC 9068).',
  })
  @ArrayNotEmpty()
  @IsString({ each: true })
  identityTyp: string[] = ['at+jwt'];

  @Setting('IDENTITY_ALGS', {
    mustBe: `a list of ${identityAlgorithms.join(', ')}`,
    describe: 'Signature algorithms that count.',
  })
  @ArrayNotEmpty()
  @IsIn(identityAlgorithms, { each: true })
  identityAlgs: string[] = ['RS256', 'PS256', 'ES256', 'RS384', 'ES384', 'EdDSA'];

  @Setting('IDENTITY_CLOCK_SKEW', {
    mustBe: 'a number of seconds from 0 to 120',
    describe: 'How far the provider’s clock may be off, in seconds.',
  })
  @IsInt()
  @Min(0)
  @Max(120)
  identityClockSkew: number = 30;

  @Setting('TRUSTED_PROXIES', {
    mustBe: proxies,
    describe:
      'Forwarded headers count only from these. Outside development a process that others than this machine reach must have one: TLS ends there.',
  })
  @IsString({ each: true })
  trustedProxies: string[] = [];

  @Setting('DRAIN_SECONDS', {
    mustBe: 'a number of seconds from 0 to 300',
    describe:
      'On SIGTERM, how long to go on serving while /health/ready says 503, so that balancers send nothing new any more: longer than they take to see it, and than they keep a connection that rests.',
    byDefault: '10; 0 in development',
  })
  @IsInt()
  @Min(0)
  @Max(300)
  drainSeconds: number;

  @Setting('LISTEN_WHEN_READY', {
    mustBe: '1 or 0',
    describe: 'Whether a start listens only once it is ready; 0: at once, and what it cannot do yet is answered 503.',
    byDefault: '1; 0 in development',
  })
  @IsBoolean()
  listenWhenReady: boolean;

  @Setting('LOG_LEVEL', {
    mustBe: 'one of fatal, error, warn, info, debug, trace, silent',
    describe: 'The least level that is logged.',
    byDefault: 'info; warn in development',
  })
  @IsIn(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
  logLevel: string;

  complete(service: ServiceIdentity): void {
    const given: Unchecked = { ...this };
    const isDevelopment = given.development === true;
    this.port = given.port ?? service.defaultPort;
    this.logLevel = given.logLevel ?? (isDevelopment ? 'warn' : 'info');
    this.drainSeconds = given.drainSeconds ?? (isDevelopment ? 0 : 10);
    this.listenWhenReady = given.listenWhenReady ?? !isDevelopment;
    if (!isDevelopment) return;
    this.publicUrl =
      given.publicUrl ??
      `http://${this.host.includes(':') && !this.host.startsWith('[') ? `[${this.host}]` : this.host}:${this.port}`;
    this.identityIssuer = given.identityIssuer ?? `${this.publicUrl}${sandboxPaths.directory}`;
    this.identityAudience = given.identityAudience ?? 'gatehouse';
  }

  faults(): readonly ConfigFault[] {
    const given: Unchecked = { ...this };
    return [
      ...(given.development === true ? developmentFaults(given) : productionFaults(given)),
      ...this.trustedProxies
        .filter((proxy) => !isNetwork(proxy))
        .map((given) => ({
          variable: 'TRUSTED_PROXIES',
          mustBe: proxies,
          given,
        })),
      ...(this.adminPort !== undefined && this.adminPort !== 0 && this.adminPort === this.port
        ? [{ variable: 'ADMIN_PORT', mustBe: 'a port number other than PORT', given: String(this.adminPort) }]
        : []),
      ...audienceFaults(given),
    ];
  }
}

/** The settings before they are validated: any of them may be missing. */
type Unchecked = { readonly [name in keyof BaseConfig]?: BaseConfig[name] | undefined };

/** Whatever NODE_ENV says, development's features answer on loopback alone (security.md, Who is believed). */
function developmentFaults({ host, publicUrl }: Unchecked): readonly ConfigFault[] {
  const faults: ConfigFault[] = [];
  const loopback = 'a loopback address while GATEHOUSE_DEV is 1';
  if (host !== undefined && !isLoopbackHost(host)) faults.push({ variable: 'HOST', mustBe: loopback, given: host });
  if (publicUrl !== undefined && !isLoopbackUrl(publicUrl)) {
    faults.push({ variable: 'PUBLIC_URL', mustBe: `a URL on ${loopback}`, given: publicUrl });
  }
  return faults;
}

function productionFaults({ publicUrl, identityIssuer, host, trustedProxies }: Unchecked): readonly ConfigFault[] {
  const https = (variable: string, given: string | undefined) =>
    given?.startsWith('http://') === true ? [{ variable, mustBe: 'an https URL outside development', given }] : [];
  const isOpen = host !== undefined && !isLoopbackHost(host) && trustedProxies?.length === 0;
  return [
    ...https('PUBLIC_URL', publicUrl),
    ...https('IDENTITY_ISSUER', identityIssuer),
    ...(isOpen
      ? [{ variable: 'TRUSTED_PROXIES', mustBe: 'set where HOST is no loopback address: TLS has to end somewhere' }]
      : []),
  ];
}

/** A token for the FHIR API must never count here, so the audiences and issuers may not coincide. */
function audienceFaults({ publicUrl, identityAudience, identityIssuer }: Unchecked): readonly ConfigFault[] {
  const faults: ConfigFault[] = [];
  if (publicUrl === undefined) return faults;
  const fhir = `${publicUrl}/fhir`;
  if (identityAudience !== undefined && (identityAudience === fhir || identityAudience.startsWith(`${fhir}/`))) {
    faults.push({
      variable: 'IDENTITY_AUDIENCE',
      mustBe: 'another audience than the FHIR base',
      given: identityAudience,
    });
  }
  const issuer = identityIssuer?.replace(/\/$/, '');
  if (identityIssuer !== undefined && [publicUrl, fhir, `${publicUrl}/oauth`].some((ours) => ours === issuer)) {
    faults.push({
      variable: 'IDENTITY_ISSUER',
      mustBe: 'another issuer than Gatehouse’s own authorization server',
      given: identityIssuer,
    });
  }
  return faults;
}

function isNetwork(text: string): boolean {
  if (!text.includes('/')) return ipaddr.isValid(text);
  if (!ipaddr.isValidCIDR(text)) return false;
  const [address, prefix] = ipaddr.parseCIDR(text);
  return prefix >= (address.kind() === 'ipv4' ? 8 : 16);
}
