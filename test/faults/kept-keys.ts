import { LocalWrappingKeys, PostgresVault, type VaultStore } from '#vault';
import { Client } from 'pg';

/** The private parts of the keys that sign, and what signs cookies. */
export async function keysOf({ databaseUrl }: { readonly databaseUrl: string }): Promise<readonly string[]> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const store: VaultStore = {
      query: async <R extends object>(sql: string, parameters: readonly unknown[]) =>
        (await client.query<R>(sql, [...parameters])).rows,
    };
    const vault = new PostgresVault(store, new LocalWrappingKeys(Buffer.alloc(32, 7)));
    const { rows } = await client.query<{ readonly sealed: string }>('SELECT sealed FROM vault.signing_keys');
    const keys = await vault.openAll(rows.map(({ sealed }) => sealed));
    return [...keys.values()].flatMap((key) =>
      typeof key === 'object' && key !== null
        ? ['d', 'k'].flatMap((part) => (part in key ? [String(Reflect.get(key, part))] : []))
        : [],
    );
  } finally {
    await client.end();
  }
}
