import { ConfigError, loadConfig, type Environment } from '#host';
import { TokenConfig } from './token.config.js';

const production: Environment = {
  KAFKA_BROKERS: 'kafka.example.org:9093',
  DATABASE_URL: 'postgres://u:p@db.example.org/g',
  PUBLIC_URL: 'https://gatehouse.example.org',
  IDENTITY_ISSUER: 'https://idp.example.org',
  IDENTITY_AUDIENCE: 'gatehouse',
  TOKEN_BRAND_NAME: 'Riverside Health',
};
const development: Environment = {
  KAFKA_BROKERS: 'localhost:9092',
  DATABASE_URL: 'postgres://localhost/x',
  GATEHOUSE_DEV: '1',
};

function load(environment: Environment): TokenConfig {
  return loadConfig({ name: 'token', defaultPort: 8083 }, [TokenConfig], environment).get(TokenConfig);
}

function faultsOf(environment: Environment): string {
  try {
    load(environment);
    return '';
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message;
  }
}

describe('who approves, as patients are told', () => {
  it('is named outside development, where a page would name nobody else', () => {
    expect(load(production).brandName).toBe('Riverside Health');
    expect(faultsOf({ ...production, TOKEN_BRAND_NAME: undefined })).toContain('TOKEN_BRAND_NAME');
    expect(faultsOf({ ...production, TOKEN_BRAND_NAME: '' })).toContain('TOKEN_BRAND_NAME');
    expect(load(development).brandName).toBe('Gatehouse');
  });
});
