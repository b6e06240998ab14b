import { CreateVault1763942400000, KeepVaultKeys1764252000000, type VaultStore } from '#vault';
import { DataSource } from 'typeorm';
import { isolate } from '../../../test/environment/isolation.js';

/** The vault's tables in a database of their own, and nothing in them. */
export interface VaultDatabase {
  readonly source: DataSource;
  readonly store: VaultStore;
  close(): Promise<void>;
}

/** Makes one. */
export async function vaultDatabase(): Promise<VaultDatabase> {
  const own = await isolate();
  const source = await new DataSource({
    type: 'postgres',
    url: own.databaseUrl,
    migrations: [CreateVault1763942400000, KeepVaultKeys1764252000000],
    installExtensions: false,
  }).initialize();
  await source.query('CREATE SCHEMA vault');
  await source.runMigrations();
  return {
    source,
    store: storeOn(source),
    close: async () => {
      await source.destroy();
      await own.dispose();
    },
  };
}

/** A store on whatever runs statements as TypeORM does: a data source, or one connection of it. */
export function storeOn(runner: Pick<DataSource, 'query'>): VaultStore {
  return { query: async (sql, parameters) => rowsOf(await runner.query(sql, [...parameters])) };
}

/** TypeORM gives `[rows, count]` for UPDATE and DELETE. */
function rowsOf<Row>(result: unknown): Row[] {
  return (Array.isArray(result) && Array.isArray(result[0]) ? result[0] : result) as Row[];
}
