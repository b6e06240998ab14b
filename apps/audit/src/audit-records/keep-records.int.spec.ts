import { readFile } from 'node:fs/promises';
import { mintId } from '#contracts';
import { activitySource, COPY_FROM, type Entry } from '#event-log';
import type { Audited } from '#records';
import { PoolStore } from '#testing';
import { DataSource } from 'typeorm';
import { isolate, type Isolation } from '../../../../test/environment/isolation.js';
import { AddObserved1763950200000 } from './add-observed.js';
import { CreateAuditRecords1763949600000 } from './create-audit-records.js';
import { keepRecords } from './keep-records.js';

let own: Isolation;
let store: PoolStore;
let database: DataSource;

beforeAll(async () => {
  own = await isolate();
  store = new PoolStore(own.databaseUrl);
  await store.ready();
  database = await new DataSource({
    type: 'postgres',
    url: own.databaseUrl,
    migrations: [CreateAuditRecords1763949600000, AddObserved1763950200000],
  }).initialize();
  await database.runMigrations();
}, 60_000);

afterAll(async () => {
  await database.destroy();
  await store.close();
  await own.dispose();
});

/** Calls of the golden record's kind, with what a client may send. */
async function calls(count: number): Promise<Entry<Audited>[]> {
  const golden = await readFile('libs/contracts/golden/activity/access-allowed.v1.json', 'utf8');
  const strange = ['plain', 'a\tb\\n', 'a\0b', '\ud800', '{"x": "\\u0000"}'];
  return Array.from({ length: count }, (_, index) => {
    const envelope = JSON.parse(golden) as { data: object };
    const value = { ...envelope, id: mintId(index % 8), data: { ...envelope.data, userAgent: strange[index % 5] } };
    const position = { topic: 'gatehouse.activity', partition: index % 8, offset: BigInt(index) };
    const record = { ...position, key: undefined, rawKey: null, value: Buffer.alloc(0) };
    return { position, event: activitySource.decode(Buffer.from(JSON.stringify(value)), record) };
  });
}

async function rowsAfter(batches: readonly (readonly Entry<Audited>[])[], mayCopy: boolean): Promise<unknown[]> {
  await database.query('TRUNCATE projection.audit_records');
  for (const batch of batches) {
    await store.transaction(async (query, copy) => {
      await query('SET LOCAL search_path TO projection');
      await keepRecords(batch, query, mayCopy ? copy : () => Promise.resolve(false));
    });
  }
  return await database.query('SELECT * FROM projection.audit_records ORDER BY id');
}

it('keeps the same rows in a large batch, which is copied, as in one that is inserted', async () => {
  const records = await calls(COPY_FROM);
  const copied = await rowsAfter([records], true);
  expect(copied).toHaveLength(records.length);
  expect(copied).toEqual(await rowsAfter([records], false));
});

it('keeps a record once that comes again in a large batch', async () => {
  const records = await calls(COPY_FROM + 1);
  const batches = [records.slice(0, 1), records];
  const copied = await rowsAfter(batches, true);
  expect(copied).toHaveLength(records.length);
  expect(copied).toEqual(await rowsAfter(batches, false));
});
