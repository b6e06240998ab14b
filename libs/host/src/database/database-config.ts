import { IsBoolean, IsInt, IsOptional, IsString, Matches, Max, Min } from 'class-validator';
import { BaseConfig } from '../config/base-config.js';
import { certificateFaults, pairFaults, pem } from '../config/certificate-faults.js';
import { isLoopbackHost } from '../config/loopback.js';
import { Setting, type ConfigFault, type ConfigSection, type ServiceIdentity } from '../config/setting.js';

/** What pg takes as `ssl`; PEM. */
interface DatabaseTls {
  readonly host: string;
  readonly minVersion: 'TLSv1.2';
  readonly rejectUnauthorized: true;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/**
 * Where Postgres is, and how it is reached: TLS as libpq's `verify-full` has it: the certificate must be signed by an authority that counts, and must
 * name the host of `DATABASE_URL`. Outside development only a server on this machine is reached without.
 */
export class DatabaseConfig implements ConfigSection {
  @Setting('DATABASE_URL', {
    mustBe: 'a URL that starts with postgres:// or postgresql://',
    describe: 'The Postgres of projections, protocol state and vault.',
    secret: true,
  })
  @Matches(/^postgres(ql)?:\/\/.+/)
  url: string;

  @Setting('DATABASE_POOL', {
    mustBe: 'a number from 2 to 200',
    describe: 'Connections to Postgres that this process may hold.',
  })
  @IsInt()
  @Min(2)
  @Max(200)
  pool: number = 20;

  @Setting('DATABASE_TLS', {
    mustBe: '1 or 0; 1 outside development, unless DATABASE_URL names this machine',
    describe: 'TLS to Postgres, whose certificate must name the host of DATABASE_URL.',
    byDefault: '1; 0 in development, or where DATABASE_URL names this machine',
  })
  @IsBoolean()
  tls: boolean;

  @Setting('DATABASE_TLS_CA', {
    mustBe: pem('one or more certificates'),
    describe: 'The authorities that sign Postgres’ certificate, when they are your own.',
    secret: true,
    byDefault: 'the public ones',
  })
  @IsOptional()
  @IsString()
  tlsCa?: string;

  @Setting('DATABASE_TLS_CERT', {
    mustBe: pem('a certificate with its chain'),
    describe: 'What this process shows to a Postgres that asks for a client certificate.',
    secret: true,
  })
  @IsOptional()
  @IsString()
  tlsCert?: string;

  @Setting('DATABASE_TLS_KEY', {
    mustBe: pem('the private key of DATABASE_TLS_CERT'),
    describe: 'Belongs to DATABASE_TLS_CERT.',
    secret: true,
  })
  @IsOptional()
  @IsString()
  tlsKey?: string;

  complete(_service: ServiceIdentity, base: object): void {
    const given: Partial<DatabaseConfig> = { ...this };
    const url = this.server();
    this.tls = given.tls ?? !(isDevelopment(base) || (url !== undefined && isOnThisMachine(url)));
  }

  faults(base: object): readonly ConfigFault[] {
    const { tls, tlsCa, tlsCert, tlsKey } = this;
    const url = this.server();
    const given = { DATABASE_TLS_CA: tlsCa, DATABASE_TLS_CERT: tlsCert, DATABASE_TLS_KEY: tlsKey };
    return [
      ...(!tls && !isDevelopment(base) && url !== undefined && !isOnThisMachine(url)
        ? [
            {
              variable: 'DATABASE_TLS',
              mustBe: '1 outside development: protocol state and vault do not cross a network in the open',
            },
          ]
        : []),
      ...(tls ? [] : Object.entries(given))
        .filter(([, value]) => value !== undefined)
        .map(([variable]) => ({ variable, mustBe: 'left out while DATABASE_TLS is 0' })),
      ...pairFaults({ DATABASE_TLS_CERT: tlsCert, DATABASE_TLS_KEY: tlsKey }),
      ...(tls ? certificateFaults('DATABASE', { ca: tlsCa, cert: tlsCert, key: tlsKey }) : []),
      // They would win over what stands here, `sslmode=no-verify` too.
      ...([...(url?.searchParams.keys() ?? [])].some((name) => /^(ssl|uselibpqcompat)/i.test(name))
        ? [
            {
              variable: 'DATABASE_URL',
              mustBe: 'without parameters for TLS, which DATABASE_TLS and DATABASE_TLS_CA say',
            },
          ]
        : []),
    ];
  }

  /** Undefined where `DATABASE_URL` is at fault itself. */
  private server(): URL | undefined {
    const { url }: { readonly url?: unknown } = this;
    return typeof url === 'string' && URL.canParse(url) ? new URL(url) : undefined;
  }

  /** What pg takes as `ssl`: undefined where the server is reached without. */
  ssl(): DatabaseTls | undefined {
    if (!this.tls) return undefined;
    const { tlsCa, tlsCert, tlsKey } = this;
    return {
      // Node holds the certificate against it, also where it is an address.
      host: new URL(this.url).hostname.replace(/^\[|\]$/g, ''),
      minVersion: 'TLSv1.2',
      rejectUnauthorized: true,
      ...(tlsCa === undefined ? {} : { ca: tlsCa }),
      ...(tlsCert === undefined || tlsKey === undefined ? {} : { cert: tlsCert, key: tlsKey }),
    };
  }
}

function isDevelopment(base: object): boolean {
  return base instanceof BaseConfig && base.development;
}

/** By loopback, or by a socket in the file system (`?host=/var/run/postgresql`). */
function isOnThisMachine({ hostname, searchParams }: URL): boolean {
  const host = searchParams.get('host') ?? decodeURIComponent(hostname);
  return host.startsWith('/') || isLoopbackHost(host);
}
