import { OwnerErased, PostgresVault, SystemKeys, VaultUnavailable, type VaultStore } from '#vault';
import type { FactoryProvider } from '@nestjs/common';
import { BaseConfig } from '../config/base-config.js';
import { VaultConfig, wrappingKeysOf } from '../config/vault-config.js';
import { Database } from '../database/database.js';
import { DatabaseUnavailable } from '../database/database-error.js';
import { ErrorTranslators } from '../problem/error-translators.js';
import { unavailable } from '../problem/problem-exception.js';

/** The token by which the vault is injected: `@Inject(VAULT) vault: Vault`. */
export const VAULT = Symbol('gatehouse:vault');

/** The keys that the vault keeps for the system itself: `@Inject(SYSTEM_KEYS) keys: SystemKeys`. */
export const SYSTEM_KEYS = Symbol('gatehouse:system-keys');

export const vaultProviders: readonly FactoryProvider[] = [
  {
    provide: SYSTEM_KEYS,
    inject: [Database, BaseConfig, VaultConfig],
    useFactory: (database: Database, base: BaseConfig, config: VaultConfig) =>
      new SystemKeys(storeOf(database), wrappingKeysOf(config, base)),
  },
  {
    provide: VAULT,
    inject: [Database, BaseConfig, VaultConfig, SYSTEM_KEYS, ErrorTranslators],
    useFactory: (
      database: Database,
      base: BaseConfig,
      config: VaultConfig,
      system: SystemKeys,
      translators: ErrorTranslators,
    ) => {
      translators.add((error) => {
        if (error instanceof VaultUnavailable) return unavailable('The vault cannot be asked now.', 2, error);
        if (error instanceof OwnerErased) return unavailable('Who this is has just been erased; ask again.', 2, error);
        return undefined;
      });
      return new PostgresVault(storeOf(database), wrappingKeysOf(config, base), system);
    },
  },
];

function storeOf(database: Database): VaultStore {
  return {
    query: <Row extends object>(sql: string, parameters: readonly unknown[]) =>
      database.query<Row>(sql, parameters).catch((error: unknown) => {
        throw error instanceof DatabaseUnavailable ? new VaultUnavailable({ cause: error }) : error;
      }),
  };
}
