import { randomBytes } from 'node:crypto';
import { type SnapshotStore, Snapshots } from '#event-log';
import { createService, Database, PostgresSnapshotStore } from '#host';
import { type Bench, fail } from './bench.js';

/** Snapshots in Postgres as a service keeps them; when they are written is for the bench to say. */
export interface KeptSnapshots {
  /** Reads them and writes none. */
  readonly asTheyAre: Snapshots;
  /** Writes one when so many records were folded; `written` resolves after `count` of them. */
  writing(count: number, records: number): { readonly snapshots: Snapshots; readonly written: Promise<void> };
  /** Megabytes in the tables. */
  size(): Promise<number>;
  close(): Promise<void>;
}

const never = { records: 1e12, restMs: 1e12, fewRecords: 1e12, idleMs: 1e12 };

export async function keptSnapshots({ settings, databaseUrl, brokers, prefix }: Bench): Promise<KeptSnapshots> {
  const service = await createService(
    { name: 'bench', defaultPort: 0 },
    {
      GATEHOUSE_DEV: '1',
      LOG_LEVEL: 'warn',
      KAFKA_BROKERS: brokers,
      KAFKA_TOPIC_PREFIX: prefix,
      DATABASE_URL: databaseUrl,
      PORT: '0',
      VAULT_KEY: randomBytes(32).toString('base64'),
    },
    fail,
  );
  const database = service.app.get(Database);
  await database.ready();
  const store = new PostgresSnapshotStore(database);
  const macKey = randomBytes(32);
  return {
    asTheyAre: new Snapshots(settings, store, macKey, never),
    writing(count, records) {
      const { promise: written, resolve } = Promise.withResolvers<void>();
      let left = count;
      const counting: SnapshotStore = {
        ready: () => store.ready(),
        load: (key) => store.load(key),
        part: (id, number) => store.part(id, number),
        discard: (id) => store.discard(id),
        async save(key, snapshot, parts) {
          const saved = await store.save(key, snapshot, parts);
          if (--left === 0) resolve();
          return saved;
        },
      };
      return { snapshots: new Snapshots(settings, counting, macKey, { ...never, records, restMs: 0 }), written };
    },
    async size() {
      const [row] = await database.query<{ bytes: string }>(
        'SELECT coalesce(sum(length(content)), 0) AS bytes FROM projection.snapshot_parts',
      );
      return Number(row?.bytes) / 2 ** 20;
    },
    close: () => service.close(),
  };
}

/** Megabytes of this process's heap after a collection. */
export function heapMegabytes(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 2 ** 20;
}
