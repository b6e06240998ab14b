import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

it('a style is an https URL or none', () => {
  expect(load({ ...production, TOKEN_STYLE_URL: 'https://style.example/1.json' }).styleUrl).toMatch(/^https:/);
  expect(faultsOf({ ...production, TOKEN_STYLE_URL: 'http://style.example/1.json' })).toContain('TOKEN_STYLE_URL');
});

describe('whose software statements are taken', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'issuers-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function listed(content: unknown): Environment {
    const file = join(folder, 'issuers.json');
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
    return { ...production, TOKEN_STATEMENT_ISSUERS: file };
  }
  const issuer = 'https://directory.example.org';
  const jwksUri = `${issuer}/jwks.json`;
  const key = { kid: 'k1', kty: 'EC', crv: 'P-256', x: 'x', y: 'y' };

  it('nobody’s by default; else by their keys or where these are published', () => {
    expect(load(production).statementIssuers).toEqual([]);
    const issuers = [
      { issuer, jwksUri },
      { issuer: 'urn:directory', jwks: { keys: [key] } },
    ];
    expect(load(listed({ issuers })).statementIssuers).toEqual(issuers);
  });

  it.each<[string, unknown]>([
    ['is no JSON', '{'],
    ['lists nobody', { issuers: [] }],
    ['says no keys', { issuers: [{ issuer }] }],
    ['says keys in two ways', { issuers: [{ issuer, jwksUri, jwks: { keys: [key] } }] }],
    ['says more than it may', { issuers: [{ issuer, jwksUri, trusted: true }] }],
    ['names an address over plain http', { issuers: [{ issuer, jwksUri: 'http://directory.example.org/jwks' }] }],
    ['names loopback outside development', { issuers: [{ issuer, jwksUri: 'http://127.0.0.1/jwks' }] }],
    [
      'names an address with credentials',
      { issuers: [{ issuer, jwksUri: 'https://me:secret@directory.example.org/' }] },
    ],
    ['holds a private key', { issuers: [{ issuer, jwks: { keys: [{ ...key, d: 'd' }] } }] }],
    ['holds a symmetric key', { issuers: [{ issuer, jwks: { keys: [{ kid: 'k1', kty: 'oct', k: 'k' }] } }] }],
    ['holds a key without a name', { issuers: [{ issuer, jwks: { keys: [{ ...key, kid: undefined }] } }] }],
    ['holds two keys of one name', { issuers: [{ issuer, jwks: { keys: [key, key] } }] }],
    [
      'names an issuer twice',
      {
        issuers: [
          { issuer, jwksUri },
          { issuer, jwks: { keys: [key] } },
        ],
      },
    ],
  ])('starts with no file that %s', (_what, content) => {
    expect(faultsOf(listed(content))).toContain('TOKEN_STATEMENT_ISSUERS');
  });

  it('starts with no file that is not there', () => {
    expect(faultsOf({ ...production, TOKEN_STATEMENT_ISSUERS: join(folder, 'none.json') })).toContain('ENOENT');
  });
});
