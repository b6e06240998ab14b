import { testAuthority } from '#testing';
import { ConfigError, loadConfig, type Environment } from '../config/load-config.js';
import { DatabaseConfig } from './database-config.js';

const service = { name: 'registration', defaultPort: 8081 };
const authority = testAuthority();
const { cert, key } = authority.issue('registration');

const development: Environment = { GATEHOUSE_DEV: '1', DATABASE_URL: 'postgres://127.0.0.1/g' };
const production: Environment = {
  DATABASE_URL: 'postgres://u:swordfish@db.example.org:5432/g',
  PUBLIC_URL: 'https://gatehouse.example.org',
  IDENTITY_ISSUER: 'https://idp.example.org',
  IDENTITY_AUDIENCE: 'https://gatehouse.example.org/admin',
};

function optionsOf(environment: Environment) {
  const config = loadConfig(service, [DatabaseConfig], environment);
  return config.get(DatabaseConfig).ssl();
}

function faultsOf(environment: Environment): string[] {
  try {
    optionsOf(environment);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    expect(error.message).not.toMatch(/swordfish|BEGIN/);
    return error.faults.map(({ variable }) => variable);
  }
}

describe('how a process reaches Postgres', () => {
  it('is in the open in development', () => {
    expect(optionsOf(development)).toBeUndefined();
  });

  it('is TLS elsewhere: the certificate is held against the host, and against our own authority where there is one', () => {
    const always = { host: 'db.example.org', minVersion: 'TLSv1.2', rejectUnauthorized: true };
    expect(optionsOf(production)).toEqual(always);
    expect(optionsOf({ ...production, DATABASE_TLS_CA: authority.ca })).toEqual({ ...always, ca: authority.ca.trim() });
    expect(optionsOf({ ...production, DATABASE_TLS_CERT: cert, DATABASE_TLS_KEY: key })).toEqual({
      ...always,
      cert: cert.trim(),
      key: key.trim(),
    });
  });

  it.each(['postgres://u@127.0.0.1/g', 'postgres://u@localhost/g', 'postgres:///g?host=/var/run/postgresql'])(
    'may be in the open to %s, which is this machine',
    (DATABASE_URL) => {
      expect(optionsOf({ ...production, DATABASE_URL, DATABASE_TLS: '0' })).toBeUndefined();
      expect(optionsOf({ ...production, DATABASE_URL })).toBeUndefined();
    },
  );

  it.each<[string, Environment, string]>([
    ['the open network', { DATABASE_TLS: '0' }, 'DATABASE_TLS'],
    ['what is neither on nor off', { DATABASE_TLS: 'prefer' }, 'DATABASE_TLS'],
    [
      'an authority without TLS',
      { DATABASE_URL: 'postgres://u@localhost/g', DATABASE_TLS: '0', DATABASE_TLS_CA: authority.ca },
      'DATABASE_TLS_CA',
    ],
    ['an authority that is none', { DATABASE_TLS_CA: 'swordfish' }, 'DATABASE_TLS_CA'],
    ['a certificate without its key', { DATABASE_TLS_CERT: cert }, 'DATABASE_TLS_KEY'],
    ['another’s key', { DATABASE_TLS_CERT: cert, DATABASE_TLS_KEY: authority.issue('x').key }, 'DATABASE_TLS_KEY'],
  ])('refuses %s', (_what, change, variable) => {
    expect(faultsOf({ ...production, ...change })).toEqual([variable]);
  });

  it.each(['sslmode=no-verify', 'sslmode=verify-full', 'ssl=true', 'sslrootcert=/x', 'SSLMODE=disable'])(
    'refuses %s in the URL, which would win over it',
    (parameter) => {
      const DATABASE_URL = `postgres://u@db.example.org/g?${parameter}`;
      expect(faultsOf({ ...production, DATABASE_URL })).toEqual(['DATABASE_URL']);
    },
  );
});
