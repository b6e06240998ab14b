import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { IsInt, Max, Min, IsString, IsOptional } from 'class-validator';
import { BaseConfig } from './base-config.js';
import { configReference, configReferenceMarkdown } from './config-reference.js';
import { ConfigError, loadConfig, type Environment } from './load-config.js';
import { Setting } from './setting.js';
import { DatabaseConfig } from '../database/database-config.js';
import { BrokerConfig } from '../log/broker-config.js';
import { localVaultKey, VaultConfig, wrappingKeysOf } from './vault-config.js';

class ReviewConfig {
  @Setting('REVIEW_DAYS', { mustBe: 'a number of days from 1 to 30', describe: 'Days until a review is due.' })
  @IsInt()
  @Min(1)
  @Max(30)
  days: number = 5;

  @Setting('REVIEW_PASSWORD', { mustBe: 'a password', describe: 'A password.', secret: true })
  @IsOptional()
  @IsString()
  @Min(1000)
  password?: string;
}

class Untyped {
  @Setting('UNTYPED_TOKEN', { mustBe: 'a token', describe: 'A token.', secret: true })
  @IsOptional()
  @IsString()
  token?: string;
}

const service = { name: 'approval', defaultPort: 8082 };

const development: Environment = {
  GATEHOUSE_DEV: '1',
  KAFKA_BROKERS: '127.0.0.1:9092',
  DATABASE_URL: 'postgres://u:hunter2@127.0.0.1/g',
};

const production: Environment = {
  KAFKA_BROKERS: 'kafka-1.example.org:9093, kafka-2.example.org:9093',
  DATABASE_URL: 'postgres://u:hunter2@db.example.org/g',
  HOST: '0.0.0.0',
  TRUSTED_PROXIES: '10.77.0.10',
  PUBLIC_URL: 'https://gatehouse.example.org',
  IDENTITY_ISSUER: 'https://idp.example.org',
  IDENTITY_AUDIENCE: 'https://gatehouse.example.org/admin',
  VAULT_KEY: Buffer.alloc(32, 1).toString('base64'),
  KAFKA_SASL_USERNAME: 'gatehouse-approval',
  KAFKA_SASL_PASSWORD: 'hunter2',
};

const base = (environment: Environment) => loadConfig(service, [VaultConfig], environment).get(BaseConfig);

/** The variables at fault. */
function faultsOf(
  environment: Environment,
  sections: Parameters<typeof loadConfig>[1] = [DatabaseConfig, BrokerConfig, VaultConfig],
): string[] {
  try {
    loadConfig(service, sections, environment);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.faults.map((fault) => fault.variable).sort();
  }
}

function messageOf(
  environment: Environment,
  sections: Parameters<typeof loadConfig>[1] = [DatabaseConfig, BrokerConfig, VaultConfig],
): string {
  try {
    loadConfig(service, sections, environment);
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : '';
  }
}

describe('configuration', () => {
  it('in development needs brokers and database alone', () => {
    expect(base(development)).toMatchObject({
      host: '127.0.0.1',
      port: 8082,
      publicUrl: 'http://127.0.0.1:8082',
      identityIssuer: 'http://127.0.0.1:8082/sandbox/directory',
      identityAudience: 'gatehouse',
      logLevel: 'warn',
    });
    expect(faultsOf({ GATEHOUSE_DEV: '1' })).toEqual(['DATABASE_URL', 'KAFKA_BROKERS']);
  });

  it('outside development takes what is complete', () => {
    expect(base(production)).toMatchObject({
      development: false,
      logLevel: 'info',
    });
  });

  it('lists every fault at once', () => {
    expect(faultsOf({})).toEqual([
      'DATABASE_URL',
      'IDENTITY_AUDIENCE',
      'IDENTITY_ISSUER',
      'KAFKA_BROKERS',
      'KAFKA_SASL_USERNAME',
      'PUBLIC_URL',
      'VAULT_KEY',
    ]);
    expect(
      faultsOf({ ...production, PORT: 'abc', LOG_LEVEL: 'loud', REVIEW_DAYS: '31' }, [VaultConfig, ReviewConfig]),
    ).toEqual(['LOG_LEVEL', 'PORT', 'REVIEW_DAYS']);
  });

  it('says what it must be and what was given, and never a secret', () => {
    const message = messageOf(
      { ...production, PORT: '99999', DATABASE_URL: 'mysql://u:hunter2@db', REVIEW_PASSWORD: 'swordfish' },
      [DatabaseConfig, VaultConfig, ReviewConfig],
    );
    expect(message).toContain('PORT must be a port number; given: 99999');
    expect(message).toContain('DATABASE_URL must be a URL that starts with postgres://');
    expect(message).not.toMatch(/hunter2|swordfish/);
  });

  it('prints the result without secrets', () => {
    const printed = loadConfig(service, [DatabaseConfig, VaultConfig, ReviewConfig], {
      ...production,
      TRUSTED_PROXIES: '10.0.0.0/8,::1',
    }).print();
    expect(printed.split('\n')).toEqual(
      expect.arrayContaining([
        'PORT=8082',
        'GATEHOUSE_DEV=0',
        'DRAIN_SECONDS=10',
        'LISTEN_WHEN_READY=1',
        'TRUSTED_PROXIES=10.0.0.0/8,::1',
        'REVIEW_DAYS=5',
        '# DATABASE_URL is set and not shown',
        '# REVIEW_PASSWORD is not set',
      ]),
    );
    expect(printed).not.toMatch(/hunter2/);
    expect(printed).not.toContain(production['VAULT_KEY']);
  });

  it.each([
    ['GATEHOUSE_DEV', 'maybe'],
    ['KAFKA_BROKERS', 'localhost'],
    ['KAFKA_BROKERS', ' , '],
    ['PUBLIC_URL', 'https://gatehouse.example.org/'],
    ['PUBLIC_URL', 'https://gatehouse.example.org/base'],
    ['PUBLIC_URL', 'https://user@gatehouse.example.org'],
    ['PUBLIC_URL', 'http://gatehouse.example.org'],
    ['IDENTITY_ISSUER', 'http://idp.example.org'],
    ['IDENTITY_ISSUER', 'https://gatehouse.example.org'],
    ['IDENTITY_ISSUER', 'https://gatehouse.example.org/oauth'],
    ['IDENTITY_AUDIENCE', 'https://gatehouse.example.org/fhir'],
    ['IDENTITY_AUDIENCE', 'https://gatehouse.example.org/fhir/one'],
    ['IDENTITY_ALGS', 'ES256,HS256'],
    ['IDENTITY_ALGS', 'none'],
    ['IDENTITY_CLOCK_SKEW', '121'],
    ['TRUSTED_PROXIES', '0.0.0.0/0'],
    ['TRUSTED_PROXIES', '::/0'],
    ['TRUSTED_PROXIES', 'proxy.example.org'],
    ['VAULT_KEY', 'c2hvcnQ='],
    ['ADMIN_PORT', '8082'],
    ['DRAIN_SECONDS', '301'],
    ['DRAIN_SECONDS', '-1'],
    ['LISTEN_WHEN_READY', 'yes'],
  ])('refuses %s=%s', (variable, value) => {
    expect(faultsOf({ ...production, [variable]: value })).toEqual([variable]);
  });

  describe('development stays on loopback, whatever NODE_ENV says', () => {
    it.each([
      ['HOST', '0.0.0.0'],
      ['HOST', '::'],
      ['HOST', '192.168.1.5'],
      ['HOST', 'gatehouse.example.org'],
      ['PUBLIC_URL', 'https://gatehouse.example.org'],
      ['PUBLIC_URL', 'http://127.0.0.1.example.org'],
      ['PUBLIC_URL', 'http://10.0.0.1:8080'],
    ])('%s=%s is refused', (variable, value) => {
      for (const NODE_ENV of ['production', 'development', 'test', undefined]) {
        expect(faultsOf({ ...development, [variable]: value, NODE_ENV })).toContain(variable);
      }
    });

    it.each([['127.0.0.1'], ['127.9.9.9'], ['::1'], ['[::1]'], ['localhost'], ['::ffff:127.0.0.1']])(
      'HOST=%s is loopback',
      (HOST) => {
        expect(faultsOf({ ...development, HOST, PUBLIC_URL: 'http://localhost:8080' })).toEqual([]);
      },
    );
  });

  describe('secrets from files', () => {
    let folder: string;
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'gatehouse-config-'));
    });
    afterEach(() => rmSync(folder, { recursive: true }));

    it('are read, without the newline at their end', () => {
      const path = join(folder, 'token');
      writeFileSync(path, 'swordfish\n');
      expect(loadConfig(service, [Untyped], { ...development, UNTYPED_TOKEN_FILE: path }).get(Untyped).token).toBe(
        'swordfish',
      );
    });

    it('are given once, and readable', () => {
      const path = join(folder, 'token');
      writeFileSync(path, 'swordfish');
      expect(faultsOf({ ...development, UNTYPED_TOKEN_FILE: path, UNTYPED_TOKEN: 'x' }, [Untyped])).toEqual([
        'UNTYPED_TOKEN',
      ]);
      expect(messageOf({ ...development, UNTYPED_TOKEN_FILE: join(folder, 'none') }, [Untyped])).toContain('ENOENT');
    });

    it('of the vault are made once in development, and asked for elsewhere', () => {
      const config = loadConfig(service, [VaultConfig], { ...development, DATA_DIR: folder });
      const key = localVaultKey(config.get(VaultConfig), config.get(BaseConfig));
      expect(key).toHaveLength(32);
      expect(localVaultKey(config.get(VaultConfig), config.get(BaseConfig))).toEqual(key);
      expect(faultsOf({ ...production, VAULT_KEY: undefined })).toEqual(['VAULT_KEY']);
    });

    it('of the vault may be several, the first of which wraps', async () => {
      const [one, two] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
      const keysFrom = (text: string) => {
        const config = loadConfig(service, [BrokerConfig, VaultConfig], { ...production, VAULT_KEY: text });
        expect(config.print()).not.toContain(one.toString('base64'));
        return wrappingKeysOf(config.get(VaultConfig), config.get(BaseConfig));
      };
      const wrapped = await keysFrom(one.toString('hex')).wrap(two, 'context');
      const both = keysFrom(`${two.toString('base64')}, ${one.toString('base64')}`);
      expect(await both.unwrap(wrapped, 'context')).toEqual(two);
      expect(await both.currentId()).toBe(await keysFrom(two.toString('base64')).currentId());
      expect(faultsOf({ ...production, VAULT_KEY: `${one.toString('hex')},c2hvcnQ=` })).toEqual(['VAULT_KEY']);
    });

    it('of the vault may be held by a service, over https', () => {
      const held = { ...production, VAULT_KEY: undefined, VAULT_KMS_URL: 'https://kms.example.org/vault' };
      expect(faultsOf({ ...held, VAULT_KMS_TOKEN: 'a-token-of-the-kms' })).toEqual([]);
      expect(faultsOf(held)).toEqual(['VAULT_KMS_TOKEN']);
      expect(
        faultsOf({ ...held, VAULT_KMS_URL: 'http://kms.example.org', VAULT_KMS_TOKEN: 'a-token-of-the-kms' }),
      ).toEqual(['VAULT_KMS_URL']);
      expect(faultsOf({ ...production, VAULT_KMS_TOKEN: 'a-token-of-the-kms' })).toEqual(['VAULT_KMS_URL']);
    });
  });

  it('documents itself', () => {
    const rows = configReference([BaseConfig, VaultConfig, ReviewConfig]);
    expect(rows.find((row) => row.variable === 'REVIEW_DAYS')).toEqual({
      variable: 'REVIEW_DAYS',
      mustBe: 'a number of days from 1 to 30',
      describe: 'Days until a review is due.',
      byDefault: '`5`',
      secret: false,
    });
    expect(configReferenceMarkdown([VaultConfig])).toContain('| `VAULT_KEY` (or `VAULT_KEY_FILE`) |');
    expect(new Set(rows.map((row) => row.variable)).size).toBe(rows.length);
  });
});
