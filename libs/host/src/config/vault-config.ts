import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { types } from 'node:util';
import { LocalWrappingKeys, RemoteWrappingKeys, ServiceBeforeLocalKeys, type WrappingKeys } from '#vault';
import { ArrayMaxSize, IsOptional, Matches } from 'class-validator';
import { BaseConfig } from './base-config.js';
import { Setting, type ConfigFault, type ConfigSection } from './setting.js';

const mustBe = 'one to eight keys separated by commas, each 32 random bytes in base64 or hex';

/** What wraps the keys of personal data (docs/adr/0017). */
export class VaultConfig implements ConfigSection {
  @Setting('VAULT_KEY', {
    mustBe,
    describe:
      'Wraps the keys of personal data; back it up apart from the database. Of several keys the first wraps, and all unwrap. May be left out where VAULT_KMS_URL is set and all was wrapped there.',
    secret: true,
    byDefault: 'generated in development',
  })
  @ArrayMaxSize(8)
  @Matches(/^([0-9a-fA-F]{64}|[A-Za-z0-9+/_-]{43}=?)$/, { each: true })
  vaultKeys: string[] = [];

  @Setting('VAULT_KMS_URL', {
    mustBe: 'an https URL without a slash at its end, together with VAULT_KMS_TOKEN',
    describe: 'A service that wraps the keys of personal data under a key that it holds (docs/adr/0017).',
  })
  @IsOptional()
  @Matches(/^https?:\/\/[^?#@\s]+[^?#@\s/]$/)
  kmsUrl?: string;

  @Setting('VAULT_KMS_TOKEN', {
    mustBe: 'the bearer token of that service, together with VAULT_KMS_URL',
    describe: 'As whom this process asks it.',
    secret: true,
  })
  @IsOptional()
  @Matches(/^[\x21-\x7e]{16,}$/)
  kmsToken?: string;

  faults(base: object): readonly ConfigFault[] {
    const development = base instanceof BaseConfig && base.development;
    const { vaultKeys: keys, kmsUrl, kmsToken } = this;
    return [
      ...(keys.length === 0 && kmsUrl === undefined && !development ? [{ variable: 'VAULT_KEY', mustBe }] : []),
      ...(kmsUrl !== undefined && kmsToken === undefined
        ? [{ variable: 'VAULT_KMS_TOKEN', mustBe: 'set together with VAULT_KMS_URL' }]
        : []),
      ...(kmsUrl === undefined && kmsToken !== undefined
        ? [{ variable: 'VAULT_KMS_URL', mustBe: 'set together with VAULT_KMS_TOKEN' }]
        : []),
      ...(kmsUrl?.startsWith('http:') === true && !development
        ? [{ variable: 'VAULT_KMS_URL', mustBe: 'https outside development', given: kmsUrl }]
        : []),
    ];
  }
}

/**
 * What wraps and unwraps the keys of personal data: the service where there is one, else the first key that was given. In
 * development, without either, a key that is made at first need and kept under the data directory.
 */
export function wrappingKeysOf(config: VaultConfig, base: Pick<BaseConfig, 'development' | 'dataDir'>): WrappingKeys {
  const { kmsUrl: url, kmsToken: token } = config;
  if (url === undefined || token === undefined) return new LocalWrappingKeys(...localKeys(config, base));
  const [first, ...earlier] = config.vaultKeys.map(bytesOf);
  const local = first === undefined ? undefined : new LocalWrappingKeys(first, ...earlier);
  return new ServiceBeforeLocalKeys(new RemoteWrappingKeys({ url, token }), local);
}

/** The first of the vault's local keys, for what in development is made of it. */
export function localVaultKey(config: VaultConfig, base: Pick<BaseConfig, 'development' | 'dataDir'>): Buffer {
  return localKeys(config, base)[0];
}

function localKeys(
  config: VaultConfig,
  base: Pick<BaseConfig, 'development' | 'dataDir'>,
): readonly [Buffer, ...Buffer[]] {
  const [first, ...earlier] = config.vaultKeys.map(bytesOf);
  if (first !== undefined) return [first, ...earlier];
  if (!base.development) throw new Error('VAULT_KEY is generated in development alone');
  const path = join(base.dataDir, 'vault.key');
  if (!existsSync(path)) keepNewKey(path);
  return [Buffer.from(readFileSync(path, 'utf8'), 'base64')];
}

function bytesOf(text: string): Buffer {
  return Buffer.from(text, /^[0-9a-fA-F]{64}$/.test(text) ? 'hex' : 'base64');
}

/** Several apps may start at once: the key appears under its name whole or not at all, and the first one stays. */
function keepNewKey(path: string): void {
  const written = `${path}.${process.pid}`;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(written, randomBytes(32).toString('base64'), { mode: 0o600 });
  try {
    linkSync(written, path);
  } catch (error) {
    if (!(types.isNativeError(error) && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    rmSync(written);
  }
}
