import { ArrayNotEmpty, IsBoolean, IsOptional, IsString, Matches, MaxLength, MinLength } from 'class-validator';
import { isLogService } from '#contracts';
import type { LogSettings, Principals } from '#event-log';
import { BaseConfig } from '../config/base-config.js';
import { certificateFaults, pairFaults, pem } from '../config/certificate-faults.js';
import { Setting, type ConfigFault, type ConfigSection, type ServiceIdentity } from '../config/setting.js';
import { type NamedPrincipals, parsePrincipals, principalsFor } from './principals.js';

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
      ...(tls ? certificateFaults('KAFKA', { ca: tlsCa, cert: tlsCert, key: tlsKey }) : []),
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
