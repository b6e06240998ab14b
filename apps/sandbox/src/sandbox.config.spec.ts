import { ConfigError, loadConfig } from '#host';
import { SandboxConfig } from './sandbox.config.js';
import { sandboxPart } from './sandbox.part.js';

const development = { GATEHOUSE_DEV: '1', KAFKA_BROKERS: 'localhost:9092', DATABASE_URL: 'postgres://localhost/x' };
const production = {
  ...development,
  GATEHOUSE_DEV: '0',
  PUBLIC_URL: 'https://gatehouse.example.org',
  IDENTITY_ISSUER: 'https://id.example.org',
  IDENTITY_AUDIENCE: 'gatehouse',
};
const faultsOf = (environment: Record<string, string>) => {
  try {
    loadConfig(sandboxPart, [SandboxConfig], environment);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.faults.map(({ variable }) => variable);
  }
};

describe('the sandbox', () => {
  it('starts in development on loopback', () => {
    expect(faultsOf(development)).toEqual([]);
    expect(faultsOf({ ...development, HOST: '::1', PUBLIC_URL: 'http://localhost:9000' })).toEqual([]);
  });

  it.each([
    ['anywhere but in development', production, 'GATEHOUSE_DEV'],
    ['where NODE_ENV alone says development', { ...production, NODE_ENV: 'development' }, 'GATEHOUSE_DEV'],
    ['on an address that others reach', { ...development, HOST: '0.0.0.0' }, 'HOST'],
    ['under a public name', { ...development, PUBLIC_URL: 'http://gatehouse.example.org' }, 'PUBLIC_URL'],
    [
      'under a name that only looks like loopback',
      { ...development, PUBLIC_URL: 'http://127.0.0.1.example.org' },
      'PUBLIC_URL',
    ],
  ])('does not start %s', (_where, environment, variable) => {
    expect(faultsOf(environment)).toContain(variable);
  });
});
