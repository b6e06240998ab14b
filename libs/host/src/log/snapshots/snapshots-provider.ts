import { type LogSettings, Snapshots } from '#event-log';
import type { SystemKeys } from '#vault';
import type { FactoryProvider } from '@nestjs/common';
import { Database } from '../../database/database.js';
import { SYSTEM_KEYS } from '../../vault/vault-provider.js';
import { LOG_SETTINGS } from '../log-startup.js';
import { PostgresSnapshotStore } from './postgres-snapshot-store.js';

/** The process's snapshots: `@Inject(SNAPSHOTS) snapshots: Snapshots`. */
export const SNAPSHOTS = Symbol('gatehouse:snapshots');

/**
 * Snapshots stand in Postgres under a key that Postgres does not have in the clear: the vault keeps it wrapped, the same
 * for every instance of a system.
 */
export const snapshotsProvider: FactoryProvider<Snapshots> = {
  provide: SNAPSHOTS,
  inject: [LOG_SETTINGS, Database, SYSTEM_KEYS],
  useFactory: (settings: LogSettings, database: Database, keys: SystemKeys) =>
    new Snapshots(settings, new PostgresSnapshotStore(database), () => keys.of('snapshots')),
};
