import { testAuthority } from '#testing';
import { BaseConfig } from '../config/base-config.js';
import { ConfigError, loadConfig, type Environment } from '../config/load-config.js';
import { BrokerConfig } from './broker-config.js';

const service = { name: 'registration', defaultPort: 8081 };
const authority = testAuthority();
const { cert, key } = authority.issue('registration');

const development: Environment = {
  GATEHOUSE_DEV: '1',
  DATABASE_URL: 'postgres://localhost/g',
  KAFKA_BROKERS: '127.0.0.1:9092',
};
const production: Environment = {
  DATABASE_URL: 'postgres://db.example.org/g',
  PUBLIC_URL: 'https://gatehouse.example.org',
  IDENTITY_ISSUER: 'https://idp.example.org',
  IDENTITY_AUDIENCE: 'https://gatehouse.example.org/admin',
  FHIR_UPSTREAM_URL: 'https://fhir.example.org/r4',
  KAFKA_BROKERS: 'kafka-1.example.org:9093,kafka-2.example.org:9093',
  KAFKA_SASL_USERNAME: 'gatehouse-registration',
  KAFKA_SASL_PASSWORD: 'swordfish',
};

const load = (environment: Environment) => loadConfig(service, [BaseConfig, BrokerConfig], environment);
const connectionOf = (environment: Environment) => load(environment).get(BrokerConfig).connection();

function errorOf(environment: Environment): ConfigError {
  try {
    load(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('no fault was found');
}
const faultsOf = (environment: Environment): string[] => errorOf(environment).faults.map(({ variable }) => variable);

describe('how a process reaches the brokers', () => {
  it('is in the open and as nobody in development, and there alone', () => {
    expect(connectionOf(development)).toEqual({ brokers: ['127.0.0.1:9092'] });
    expect(faultsOf({ ...production, KAFKA_TLS: '0' })).toEqual(['KAFKA_TLS']);
    expect(faultsOf({ ...production, KAFKA_SASL_USERNAME: '', KAFKA_SASL_PASSWORD: '' })).toEqual([
      'KAFKA_SASL_USERNAME',
    ]);
  });

  it('is TLS with SCRAM, by the public authorities or one’s own', () => {
    const sasl = { mechanism: 'scram-sha-512', username: 'gatehouse-registration', password: 'swordfish' };
    const brokers = ['kafka-1.example.org:9093', 'kafka-2.example.org:9093'];
    expect(connectionOf(production)).toEqual({ brokers, sasl, ssl: { minVersion: 'TLSv1.2' } });
    expect(connectionOf({ ...production, KAFKA_TLS_CA: authority.ca })).toMatchObject({
      sasl,
      ssl: { ca: authority.ca.trim() },
    });
  });

  it('is a client certificate alone, where the brokers take their principals from it', () => {
    const environment = {
      ...production,
      KAFKA_SASL_USERNAME: undefined,
      KAFKA_SASL_PASSWORD: undefined,
      KAFKA_TLS_CERT: cert,
      KAFKA_TLS_KEY: key,
    };
    expect(connectionOf(environment)).toMatchObject({ ssl: { cert: cert.trim(), key: key.trim() } });
    expect(connectionOf(environment).sasl).toBeUndefined();
  });

  it.each([
    ['a password without a name', { KAFKA_SASL_USERNAME: undefined }, 'KAFKA_SASL_USERNAME'],
    ['a name without a password', { KAFKA_SASL_PASSWORD: undefined }, 'KAFKA_SASL_PASSWORD'],
    ['a certificate without its key', { KAFKA_TLS_CERT: cert }, 'KAFKA_TLS_KEY'],
    ['a key without its certificate', { KAFKA_TLS_KEY: key }, 'KAFKA_TLS_CERT'],
    [
      'a certificate and another’s key',
      { KAFKA_TLS_CERT: cert, KAFKA_TLS_KEY: authority.issue('x').key },
      'KAFKA_TLS_KEY',
    ],
    ['an authority that is none', { KAFKA_TLS_CA: 'swordfish' }, 'KAFKA_TLS_CA'],
    ['an authority that is broken off', { KAFKA_TLS_CA: authority.ca.slice(0, 80) }, 'KAFKA_TLS_CA'],
    ['a key that is none', { KAFKA_TLS_CERT: cert, KAFKA_TLS_KEY: cert }, 'KAFKA_TLS_KEY'],
  ])('refuses %s', (_what, change, variable) => {
    expect(faultsOf({ ...production, ...change })).toEqual([variable]);
  });

  it('lists every fault at once, and never a secret', () => {
    const error = errorOf({
      ...production,
      KAFKA_BROKERS: 'nowhere',
      KAFKA_TLS: '0',
      KAFKA_TLS_CA: authority.ca,
      KAFKA_TLS_KEY: key,
      KAFKA_SASL_USERNAME: undefined,
    });
    expect(new Set(error.faults.map(({ variable }) => variable))).toEqual(
      new Set(['KAFKA_BROKERS', 'KAFKA_TLS', 'KAFKA_TLS_CA', 'KAFKA_TLS_KEY', 'KAFKA_TLS_CERT', 'KAFKA_SASL_USERNAME']),
    );
    expect(error.message).not.toMatch(/swordfish|BEGIN/);
  });
});
