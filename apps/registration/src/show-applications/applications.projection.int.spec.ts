import { readFile } from 'node:fs/promises';
import { mintId, type Recorded, registration, type RegistrationEvent } from '#contracts';
import { COPY_FROM, type Entry, eventsOf } from '#event-log';
import { PoolStore } from '#testing';
import { DataSource } from 'typeorm';
import { isolate, type Isolation } from '../../../../test/environment/isolation.js';
import { CreateNotices1763948400002 } from '../notify-contacts/create-notices.js';
import { applicationsProjection } from './applications.projection.js';
import { CreateApplications1763948400000 } from './create-applications.js';

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
    migrations: [CreateApplications1763948400000, CreateNotices1763948400002],
  }).initialize();
  await database.runMigrations();
}, 60_000);

afterAll(async () => {
  await database.destroy();
  await store.close();
  await own.dispose();
});

const LIFE = ['application-registered', 'application-submitted', 'application-withdrawn'];

/** Applications that were registered, submitted and withdrawn, one after the other. */
async function lives(count: number): Promise<Entry<Recorded<RegistrationEvent>>[]> {
  const source = eventsOf(registration);
  const golden = await Promise.all(
    LIFE.map((type) => readFile(`libs/contracts/golden/registration.events/${type}.v1.json`, 'utf8')),
  );
  return Array.from({ length: count }, () => mintId(3)).flatMap((subject, application) =>
    golden.map((text, step) => {
      const envelope = JSON.parse(text) as { data: object };
      const data = step === 0 ? { ...envelope.data, clientId: subject } : envelope.data;
      const value = { ...envelope, id: mintId(3), subject, sequence: String(step + 1), data };
      const position = { topic: source.topic, partition: 3, offset: BigInt(application * LIFE.length + step) };
      const record = { ...position, key: subject, rawKey: null, value: Buffer.alloc(0) };
      return { position, event: source.decode(Buffer.from(JSON.stringify(value)), record) };
    }),
  );
}

async function rowsAfter(
  batches: readonly (readonly Entry<Recorded<RegistrationEvent>>[])[],
  mayCopy: boolean,
): Promise<unknown[]> {
  const tables = applicationsProjection.tables.map((table) => `projection.${table}`);
  await database.query(`TRUNCATE ${tables.join(', ')}`);
  for (const batch of batches) {
    await store.transaction(async (query, copy) => {
      await query('SET LOCAL search_path TO projection');
      await applicationsProjection.apply(batch, query, mayCopy ? copy : () => Promise.resolve(false));
    });
  }
  return await Promise.all(
    tables.map((table) => database.query<unknown[]>(`SELECT * FROM ${table} AS t ORDER BY t::text`)),
  );
}

it('keeps the same rows in large batches, which are copied, as in those that are inserted, and where one cuts a life', async () => {
  const events = await lives(COPY_FROM + 20);
  const cut = events.length - 31;
  const batches = [events.slice(0, cut), events.slice(cut)];
  const copied = await rowsAfter(batches, true);
  expect(copied[0]).toHaveLength(COPY_FROM + 20);
  expect(copied[1]).toHaveLength(events.length);
  expect(copied).toEqual(await rowsAfter(batches, false));
});
