import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { types } from 'node:util';
import { IsOptional, Matches } from 'class-validator';
import { BaseConfig } from './base-config.js';
import { Setting, type ConfigFault, type ConfigSection } from './setting.js';

const mustBe = '32 random bytes in base64 or hex';

/** The key that wraps the keys of personal data. */
export class VaultConfig implements ConfigSection {
  @Setting('VAULT_KEY', {
    mustBe,
    describe: 'Wraps the keys of personal data; back it up apart from the database.',
    secret: true,
    byDefault: 'generated in development',
  })
  @IsOptional()
  @Matches(/^([0-9a-fA-F]{64}|[A-Za-z0-9+/_-]{43}=?)$/)
  vaultKey?: string;

  faults(base: object): readonly ConfigFault[] {
    const development = base instanceof BaseConfig && base.development;
    return this.vaultKey === undefined && !development ? [{ variable: 'VAULT_KEY', mustBe }] : [];
  }
}

/** The vault's key; in development one that is made at first need and kept under the data directory. */
export function vaultKey(config: VaultConfig, base: BaseConfig): Buffer {
  if (config.vaultKey !== undefined)
    return Buffer.from(config.vaultKey, /^[0-9a-fA-F]{64}$/.test(config.vaultKey) ? 'hex' : 'base64');
  if (!base.development) throw new Error('VAULT_KEY is generated in development alone');
  const path = join(base.dataDir, 'vault.key');
  if (!existsSync(path)) keepNewKey(path);
  return Buffer.from(readFileSync(path, 'utf8'), 'base64');
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
