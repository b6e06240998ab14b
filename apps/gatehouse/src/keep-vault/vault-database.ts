import type { DatabaseConfig } from '#host';
import { VaultUnavailable, type VaultStore } from '#vault';
import { Client, DatabaseError } from 'pg';

/** Where the vault stands. */
export interface VaultServer {
  /** What DATABASE_URL names. */
  readonly url: string;
  /** How TLS is spoken with it; undefined where it is not. */
  readonly ssl: ReturnType<DatabaseConfig['ssl']>;
}

/** One connection to the Postgres of the vault. */
export class VaultDatabase implements VaultStore {
  private constructor(readonly client: Client) {}

  /** Throws `VaultUnavailable` where it cannot be reached. */
  static async connect({ url, ssl }: VaultServer): Promise<VaultDatabase> {
    const client = new Client({
      connectionString: url,
      application_name: 'gatehouse-vault',
      ...(ssl === undefined ? {} : { ssl }),
    });
    // What is asked next fails by itself.
    client.on('error', () => undefined);
    await client.connect().catch((cause: unknown) => {
      throw new VaultUnavailable({ cause });
    });
    return new VaultDatabase(client);
  }

  async query<Row extends object>(sql: string, parameters: readonly unknown[] = []): Promise<readonly Row[]> {
    try {
      return (await this.client.query<Row>(sql, [...parameters])).rows;
    } catch (cause) {
      throw cause instanceof DatabaseError ? cause : new VaultUnavailable({ cause });
    }
  }

  /** Whether a service has made its tables. */
  async hasVault(): Promise<boolean> {
    const [row] = await this.query<{ there: boolean }>(`SELECT to_regclass('vault.system_keys') IS NOT NULL AS there`);
    return row?.there === true;
  }

  async close(): Promise<void> {
    await this.client.end();
  }
}
