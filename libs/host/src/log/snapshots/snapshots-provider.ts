import { hkdfSync } from 'node:crypto';
import { type LogSettings, Snapshots } from '#event-log';
import type { FactoryProvider } from '@nestjs/common';
import { BaseConfig } from '../../config/base-config.js';
import { VaultConfig, vaultKey } from '../../config/vault-config.js';
import { Database } from '../../database/database.js';
import { LOG_SETTINGS } from '../log-startup.js';
import { PostgresSnapshotStore } from './postgres-snapshot-store.js';

/** The process's snapshots: `@Inject(SNAPSHOTS) snapshots: Snapshots`. */
export const SNAPSHOTS = Symbol('gatehouse:snapshots');

/**
 * Snapshots stand in Postgres under a key that Postgres does not have: it follows from the vault's key, which every
 * instance of a system has anyway, and tells nothing of it (HKDF, RFC 5869).
 */
export const snapshotsProvider: FactoryProvider<Snapshots> = {
  provide: SNAPSHOTS,
  inject: [LOG_SETTINGS, Database, BaseConfig, VaultConfig],
  useFactory: (settings: LogSettings, database: Database, base: BaseConfig, config: VaultConfig) => {
    const macKey = hkdfSync('sha256', vaultKey(config, base), Buffer.alloc(0), 'gatehouse snapshots', 32);
    return new Snapshots(settings, new PostgresSnapshotStore(database), Buffer.from(macKey));
  },
};
