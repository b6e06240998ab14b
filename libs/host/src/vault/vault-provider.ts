import { OwnerErased, PostgresVault, SystemKeys, VaultErasures, VaultUnavailable, type VaultStore } from '#vault';
import type { FactoryProvider } from '@nestjs/common';
import { BaseConfig } from '../config/base-config.js';
import { VaultConfig, wrappingKeysOf } from '../config/vault-config.js';
import { Database } from '../database/database.js';
import { DatabaseUnavailable } from '../database/database-error.js';
import { PRODUCT } from '../docs/product.js';
import { HealthRegistry } from '../health/health-registry.js';
import { LOG_SETTINGS, LogStartup } from '../log/log-startup.js';
import { Log } from '../logging/log.js';
import { ErrorTranslators } from '../problem/error-translators.js';
import { unavailable } from '../problem/problem-exception.js';
import { FatalErrors } from '../service/fatal-errors.js';
import { ErasureFollower } from './erasure-follower.js';

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
    provide: VaultErasures,
    inject: [Database, SYSTEM_KEYS],
    useFactory: (database: Database, keys: SystemKeys) => new VaultErasures(storeOf(database), keys),
  },
  {
    provide: ErasureFollower,
    inject: [LOG_SETTINGS, VaultErasures, Database, LogStartup, HealthRegistry, FatalErrors, Log, PRODUCT],
    useFactory: (...parts: ConstructorParameters<typeof ErasureFollower>) => new ErasureFollower(...parts),
  },
  {
    provide: VAULT,
    inject: [Database, BaseConfig, VaultConfig, SYSTEM_KEYS, ErasureFollower, ErrorTranslators],
    useFactory: (
      database: Database,
      base: BaseConfig,
      config: VaultConfig,
      system: SystemKeys,
      erasures: ErasureFollower,
      translators: ErrorTranslators,
    ) => {
      translators.add((error) => {
        if (error instanceof VaultUnavailable) return unavailable('The vault cannot be asked now.', 2, error);
        if (error instanceof OwnerErased) return unavailable('Who this is has just been erased; ask again.', 2, error);
        return undefined;
      });
      const store = openWhen(() => erasures.assertCurrent(), storeOf(database));
      const vault = new PostgresVault(store, wrappingKeysOf(config, base), system);
      erasures.onErased((id) => vault.forget(id));
      return vault;
    },
  },
];

/** Runs nothing while `assertOpen` throws. */
function openWhen(assertOpen: () => void, store: VaultStore): VaultStore {
  return {
    async query<Row extends object>(sql: string, parameters: readonly unknown[]) {
      assertOpen();
      return await store.query<Row>(sql, parameters);
    },
  };
}

function storeOf(database: Database): VaultStore {
  return {
    query: <Row extends object>(sql: string, parameters: readonly unknown[]) =>
      database.query<Row>(sql, parameters).catch((error: unknown) => {
        throw error instanceof DatabaseUnavailable ? new VaultUnavailable({ cause: error }) : error;
      }),
  };
}
