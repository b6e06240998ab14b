import { createPrivateKey, X509Certificate } from 'node:crypto';
import { types } from 'node:util';
import { ArrayNotEmpty, IsBoolean, IsOptional, IsString, Matches, MaxLength, MinLength } from 'class-validator';
import { isLogService } from '#contracts';
import type { LogSettings, Principals } from '#event-log';
import { BaseConfig } from '../config/base-config.js';
import { Setting, type ConfigFault, type ConfigSection, type ServiceIdentity } from '../config/setting.js';
import { type NamedPrincipals, parsePrincipals, principalsFor } from './principals.js';

const pem = (what: string): string => `${what} in PEM`;

/**
 * How this process reaches the brokers and who it is there (security.md, The log): TLS and one principal, by SCRAM or by a
 * client certificate. Outside development there is no other way.
 */
export class BrokerConfig implements ConfigSection {
  @Setting('KAFKA_BROKERS', {
    mustBe: 'a list of host:port, separated by commas',
    describe: 'The brokers that hold the log.',
  })
  @ArrayNotEmpty()
  @Matches(/^(\[[0-9a-f:]+\]|[\w.-]+):\d{1,5}$/i, { each: true })
  kafkaBrokers: string[];

  @Setting('KAFKA_TLS', {
    mustBe: '1 or 0; 1 outside development',
    describe: 'TLS to the brokers, whose certificates must name their hosts.',
    byDefault: '1; 0 in development',
  })
  @IsBoolean()
  tls: boolean;

  @Setting('KAFKA_TLS_CA', {
    mustBe: pem('one or more certificates'),
    describe: 'The authorities that sign the brokers’ certificates, when they are your own.',
    secret: true,
    byDefault: 'the public ones',
  })
  @IsOptional()
  @IsString()
  tlsCa?: string;

  @Setting('KAFKA_TLS_CERT', {
    mustBe: pem('a certificate with its chain'),
    describe: 'What this process shows to brokers that ask for a client certificate.',
    secret: true,
  })
  @IsOptional()
  @IsString()
  tlsCert?: string;

  @Setting('KAFKA_TLS_KEY', {
    mustBe: pem('the private key of KAFKA_TLS_CERT'),
    describe: 'Belongs to KAFKA_TLS_CERT.',
    secret: true,
  })
  @IsOptional()
  @IsString()
  tlsKey?: string;

  @Setting('KAFKA_SASL_USERNAME', {
    mustBe: 'the name of a SCRAM-SHA-512 user',
    describe: 'Who this process is to the brokers: one principal for each service.',
  })
  @IsOptional()
  @IsString()
  @MinLength(1)
  @MaxLength(256)
  saslUsername?: string;

  @Setting('KAFKA_SASL_PASSWORD', {
    mustBe: 'the password of KAFKA_SASL_USERNAME',
    describe: 'Its password.',
    secret: true,
  })
  @IsOptional()
  @IsString()
  @MinLength(1)
  saslPassword?: string;

  @Setting('KAFKA_PRINCIPALS', {
    mustBe: 'a list of service=User:name, separated by semicolons, each service once',
    describe: 'Who the services are at the brokers, where that is another name.',
    byDefault: 'User:gatehouse-registration and so on; in the one process all are KAFKA_SASL_USERNAME',
  })
  @IsString()
  principals: string = '';

  private service = '';

  complete({ name }: ServiceIdentity, base: object): void {
    this.service = name;
    const given: Partial<BrokerConfig> = { ...this };
    this.tls = given.tls ?? !isDevelopment(base);
  }

  faults(base: object): readonly ConfigFault[] {
    const { tls, tlsCa, tlsCert, tlsKey, saslUsername, saslPassword } = this;
    const named = parsePrincipals(this.principals);
    const given = { KAFKA_TLS_CA: tlsCa, KAFKA_TLS_CERT: tlsCert, KAFKA_TLS_KEY: tlsKey };
    return [
      ...(!tls && !isDevelopment(base)
        ? [{ variable: 'KAFKA_TLS', mustBe: '1 outside development: the log is not read or written in the open' }]
        : []),
      ...(tls ? [] : Object.entries(given))
        .filter(([, value]) => value !== undefined)
        .map(([variable]) => ({ variable, mustBe: 'left out while KAFKA_TLS is 0' })),
      ...pairFaults({ KAFKA_TLS_CERT: tlsCert, KAFKA_TLS_KEY: tlsKey }),
      ...pairFaults({ KAFKA_SASL_USERNAME: saslUsername, KAFKA_SASL_PASSWORD: saslPassword }),
      ...(tls ? certificateFaults({ ca: tlsCa, cert: tlsCert, key: tlsKey }) : []),
      ...(isDevelopment(base) || saslUsername !== undefined || saslPassword !== undefined || tlsCert !== undefined
        ? []
        : [
            {
              variable: 'KAFKA_SASL_USERNAME',
              mustBe: 'set outside development, or KAFKA_TLS_CERT: the brokers must know which service it is',
            },
          ]),
      ...(named === undefined
        ? [
            {
              variable: 'KAFKA_PRINCIPALS',
              mustBe: 'a list of service=User:name, separated by semicolons, each service once',
              given: this.principals,
            },
          ]
        : this.principalFaults(named)),
    ];
  }

  /** Who the services are at the brokers, as the ACLs name them; nobody where this process is nobody there. */
  whoIsWho(): Principals | undefined {
    if (this.saslUsername === undefined && this.tlsCert === undefined) return undefined;
    return principalsFor(this.service, parsePrincipals(this.principals) ?? {}, this.saslUsername);
  }

  /** With another's credentials a service could do what the other may; and its own ACLs are not asserted. */
  private principalFaults(named: NamedPrincipals): readonly ConfigFault[] {
    const { service, saslUsername } = this;
    if (saslUsername === undefined) {
      return this.tlsCert !== undefined && service === 'gatehouse' && named[service] === undefined
        ? [{ variable: 'KAFKA_PRINCIPALS', mustBe: 'given as gatehouse=User:… where a certificate says who it is' }]
        : [];
    }
    const own = isLogService(service)
      ? principalsFor(service, named)[service]
      : (named[service] ?? `User:${saslUsername}`);
    if (own === `User:${saslUsername}`) return [];
    return [
      {
        variable: 'KAFKA_SASL_USERNAME',
        mustBe: `${own.replace(/^User:/, '')}, who ${service} is by KAFKA_PRINCIPALS or by default`,
        given: saslUsername,
      },
    ];
  }

  /** What libs/event-log needs to connect. */
  connection(): Pick<LogSettings, 'brokers' | 'ssl' | 'sasl'> {
    const { kafkaBrokers, tls, tlsCa, tlsCert, tlsKey, saslUsername, saslPassword } = this;
    return {
      brokers: kafkaBrokers,
      ...(tls
        ? {
            ssl: {
              minVersion: 'TLSv1.2',
              ...(tlsCa === undefined ? {} : { ca: tlsCa }),
              ...(tlsCert === undefined || tlsKey === undefined ? {} : { cert: tlsCert, key: tlsKey }),
            },
          }
        : {}),
      ...(saslUsername === undefined || saslPassword === undefined
        ? {}
        : { sasl: { mechanism: 'scram-sha-512', username: saslUsername, password: saslPassword } }),
    };
  }
}

function isDevelopment(base: object): boolean {
  return base instanceof BaseConfig && base.development;
}

/** Two settings that make sense only together. */
function pairFaults(pair: Readonly<Record<string, string | undefined>>): readonly ConfigFault[] {
  const names = Object.keys(pair);
  const missing = names.filter((name) => pair[name] === undefined);
  if (missing.length !== 1) return [];
  const other = names.find((name) => !missing.includes(name)) ?? '';
  return missing.map((variable) => ({ variable, mustBe: `set together with ${other}` }));
}

function certificateFaults({
  ca,
  cert,
  key,
}: Readonly<Record<'ca' | 'cert' | 'key', string | undefined>>): readonly ConfigFault[] {
  const faults: ConfigFault[] = [];
  const check = (variable: string, mustBe: string, attempt: () => boolean): void => {
    if (!succeeds(attempt)) faults.push({ variable, mustBe, given: '(not shown)' });
  };
  if (ca !== undefined)
    check('KAFKA_TLS_CA', pem('one or more certificates'), () =>
      certificatesOf(ca).every((each) => isCertificate(each)),
    );
  if (cert !== undefined) check('KAFKA_TLS_CERT', pem('a certificate with its chain'), () => isCertificate(cert));
  if (key !== undefined)
    check('KAFKA_TLS_KEY', pem('a private key without a password'), () => createPrivateKey(key).type === 'private');
  if (faults.length === 0 && cert !== undefined && key !== undefined)
    check('KAFKA_TLS_KEY', 'the private key of KAFKA_TLS_CERT', () =>
      new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)),
    );
  return faults;
}

/** The certificates of a bundle; the whole text where there is none, so that it is refused. */
function certificatesOf(bundle: string): readonly string[] {
  return bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [bundle];
}

function isCertificate(text: string): boolean {
  return new X509Certificate(text).raw.length > 0;
}

/** OpenSSL says only by throwing that it cannot read a thing. */
function succeeds(attempt: () => boolean): boolean {
  try {
    return attempt();
  } catch (error) {
    if (types.isNativeError(error)) return false;
    throw error;
  }
}
