import { mintId, type EventOf, type Recorded } from '#contracts';
import { defineProjection, ensureTopics, eventsOf, type Entry, type LogSettings } from '#event-log';
import { Module } from '@nestjs/common';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { Client } from 'pg';
import {
  counter,
  counterTopics,
  LogSeed,
  startTestService,
  testIssuer,
  type TestIssuer,
  type TestService,
} from '#testing';
import { isolate, type Isolation } from '../../../../test/environment/isolation.js';
import { provideProjection } from '../log/log-providers.js';
import type { ServicePart } from '../service/service-part.js';
import { projectionsController } from './projections-controller.js';

class CreateCounters1763942400000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `CREATE TABLE projection.counters (id uuid PRIMARY KEY, total integer NOT NULL, mark text NOT NULL)`,
    );
    await runner.query('CREATE INDEX counters_by_total ON projection.counters (total)');
    await runner.query('CREATE TABLE projection.counter_steps (id text PRIMARY KEY, counter uuid NOT NULL)');
    await runner.query('CREATE INDEX counter_steps_by_counter ON projection.counter_steps (counter) WHERE id > $$a$$');
  }

  down(): Promise<void> {
    return Promise.resolve();
  }
}

type CounterEntry = Entry<Recorded<EventOf<typeof counter>>>;

/** Sums, in two tables. `mark` is what the mapping of this version writes; `hold` lets a test stop it between batches. */
const held: { until?: Promise<void>; reached?: () => void } = {};
const countersOf = (version: number) =>
  defineProjection({
    name: 'counter-totals',
    version,
    tables: ['counters', 'counter_steps'],
    sources: [eventsOf(counter)],
    async apply(entries: readonly CounterEntry[], query) {
      const [{ schema } = { schema: '' }] = await query<{ schema: string }>('SELECT current_schema() AS schema');
      if (schema !== 'projection') {
        held.reached?.();
        await held.until;
      }
      for (const { event } of entries) {
        await query(
          `INSERT INTO counters AS c VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET total = c.total + excluded.total, mark = excluded.mark`,
          [event.meta.subject, event.type === 'added' ? event.data.amount : 0, `v${version}`],
        );
        await query('INSERT INTO counter_steps VALUES ($1, $2)', [event.meta.id, event.meta.subject]);
      }
    },
  });

function partOf(version: number): ServicePart {
  const projection = countersOf(version);
  @Module({
    controllers: [projectionsController('counter', [projection])],
    providers: [...provideProjection(projection)],
  })
  class CounterModule {}
  return {
    name: 'counter',
    defaultPort: 0,
    module: CounterModule,
    migrations: { projection: [CreateCounters1763942400000] },
  };
}

let own: Isolation;
let issuer: TestIssuer;
let seed: LogSeed;
let sql: Client;
const services: TestService[] = [];
const subjects = Array.from({ length: 24 }, (_, index) => mintId(index % 8));

beforeAll(async () => {
  [own, issuer] = await Promise.all([isolate(), testIssuer()]);
  const silent = () => undefined;
  const sink = { debug: silent, info: silent, warn: silent, error: silent };
  const settings: LogSettings = { brokers: own.brokers.split(','), clientId: 'test', prefix: own.prefix, sink };
  await ensureTopics(settings, counterTopics, { replicationFactor: 1, minInSyncReplicas: 1 });
  seed = new LogSeed(settings);
  sql = new Client({ connectionString: own.databaseUrl });
  await sql.connect();
  await append(5);
  await start(1);
});
afterEach(() => {
  delete held.until;
  delete held.reached;
});
afterAll(async () => {
  await Promise.all(services.map((service) => service.close()));
  await seed.close();
  await sql.end();
  await own.dispose();
  await issuer.close();
});

async function start(version: number, waitUntilReady = true): Promise<TestService> {
  const environment = { KAFKA_TOPIC_PREFIX: own.prefix, KAFKA_BROKERS: own.brokers, LISTEN_WHEN_READY: '0' };
  const on = { databaseUrl: own.databaseUrl, issuer, environment, waitUntilReady };
  const service = await startTestService(partOf(version), on);
  services.push(service);
  return service;
}

let appended = 0;
/** Adds 1 to every counter, so many times. */
async function append(times: number): Promise<void> {
  const time = new Date().toISOString();
  for (let turn = 0; turn < times; turn++) {
    await Promise.all(
      subjects.map((subject) =>
        seed.event(counter, { type: 'added', data: { amount: 1 } }, { subject, actor: 'a', time }),
      ),
    );
  }
  appended += times;
}

const rows = async () => [
  (await sql.query('SELECT * FROM projection.counters ORDER BY id')).rows as unknown[],
  (await sql.query('SELECT * FROM projection.counter_steps ORDER BY id')).rows as unknown[],
];
const indexes = async () =>
  (await sql.query(`SELECT indexdef FROM pg_indexes WHERE schemaname = 'projection' ORDER BY indexdef`))
    .rows as unknown[];
const untended = async () =>
  (
    await sql.query(
      `SELECT n.nspname ~ '^rebuild' AS rebuilt FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relname = 'counters' AND 'autovacuum_enabled=off' = ANY (c.reloptions)`,
    )
  ).rows as unknown[];
const leftovers = async () =>
  (await sql.query(`SELECT nspname FROM pg_namespace WHERE nspname LIKE 'rebuild%'`)).rows as unknown[];

async function call(service: TestService | undefined, path: string, json?: object, role = 'operator') {
  if (service === undefined) throw new Error('no such service');
  const headers = await issuer.bearer('op', role);
  const response = await service.call(path, json === undefined ? { headers } : { headers, json });
  return {
    status: response.status,
    location: response.headers.get('location') ?? '',
    body: (await response.json()) as Body,
  };
}
interface Body {
  readonly [name: string]: unknown;
  readonly items: readonly Body[];
  readonly status: string;
}

/** Asks until it is so. */
async function until<T>(ask: () => Promise<T>, fits: (found: T) => boolean): Promise<T> {
  for (;;) {
    const found = await ask();
    if (fits(found)) return found;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const ended = (service: TestService | undefined, location: string) =>
  until(
    () => call(service, location),
    ({ body }) => body.status !== 'running',
  );

/** A promise that the projection's rebuilds wait for, and one that says that a rebuild waits. */
function hold(): { readonly waits: Promise<void>; readonly letGo: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { promise: waits, resolve: reached } = Promise.withResolvers<void>();
  Object.assign(held, { until: promise, reached });
  return { waits, letGo: resolve };
}

it('rebuilds beside the live tables while these go on, and swaps without losing what came meanwhile', async () => {
  const [service] = services;
  const before = await rows();
  const keys = await indexes();
  await sql.query('CREATE ROLE ' + own.prefix.slice(0, -1) + '_reader');
  await sql.query(`GRANT SELECT ON projection.counters TO ${own.prefix.slice(0, -1)}_reader`);
  await sql.query(`INSERT INTO projection.counter_steps VALUES ('not of the log', $1)`, [subjects[0]]);
  const { waits, letGo } = hold();

  const begun = await call(service, '/counter/projections/counter-totals/rebuilds', {});
  expect(begun).toMatchObject({ status: 202, body: { status: 'running', projection: 'counter-totals', version: 1 } });
  await waits;
  expect(await untended()).toEqual([{ rebuilt: true }]);
  expect(await rows()).toHaveLength(2);
  expect((await rows())[0]).toEqual(before[0]);
  await append(1);
  await until(rows, ([totals]) => totals?.every((row) => (row as { total: number }).total === appended) === true);
  letGo();

  const { body } = await ended(service, begun.location);
  expect(body).toMatchObject({ status: 'succeeded', offsets: { done: 120, of: 120 } });
  expect(await indexes()).toEqual(keys);
  expect(await leftovers()).toEqual([]);
  expect(await untended()).toEqual([]);
  const after = await rows();
  expect(after[0]).toEqual(subjects.toSorted().map((id) => ({ id, total: appended, mark: 'v1' })));
  expect(after[1]).toHaveLength(subjects.length * appended);
  const { rows: grants } = await sql.query(
    `SELECT privilege_type FROM information_schema.role_table_grants WHERE grantee LIKE '%_reader' AND table_name = 'counters'`,
  );
  expect(grants).toEqual([{ privilege_type: 'SELECT' }]);
  await sql.query(`DROP OWNED BY ${own.prefix.slice(0, -1)}_reader; DROP ROLE ${own.prefix.slice(0, -1)}_reader`);

  await append(1);
  await until(rows, ([totals]) => totals?.every((row) => (row as { total: number }).total === appended) === true);
});

it('runs once at a time among instances, and any of them tells how far it is', async () => {
  const other = await start(1);
  const { waits, letGo } = hold();
  const begun = await call(services[0], '/counter/projections/counter-totals/rebuilds', {});
  expect(begun.status).toBe(202);
  await waits;

  expect(await call(other, '/counter/projections/counter-totals/rebuilds', {})).toMatchObject({
    status: 409,
    body: { type: 'urn:gatehouse:problem:rebuild-runs' },
  });
  expect(await call(other, begun.location)).toMatchObject({ status: 200, body: { status: 'running' } });
  letGo();
  expect(await ended(other, begun.location)).toMatchObject({ body: { status: 'succeeded' } });
  // Who sees that it ended may begin the next at once.
  const next = await call(services[0], '/counter/projections/counter-totals/rebuilds', {});
  expect(next.status).toBe(202);
  expect(await ended(other, next.location)).toMatchObject({ body: { status: 'succeeded' } });
  const { body } = await call(other, '/counter/projections');
  expect(body.items).toMatchObject([
    { name: 'counter-totals', version: 1, behind: 0, rebuild: { status: 'succeeded' } },
  ]);
});

it('changes nothing when it ends before its swap, and can be begun again', async () => {
  const doomed = await start(1);
  const before = await rows();
  const { waits, letGo } = hold();
  const begun = await call(doomed, '/counter/projections/counter-totals/rebuilds', {});
  expect(begun.status).toBe(202);
  await waits;
  // As a process that is killed: its connections are gone.
  await sql.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'gatehouse-rebuild' AND datname = current_database()`,
  );
  letGo();

  const { body } = await ended(services[0], begun.location);
  expect(['interrupted', 'failed']).toContain(body.status);
  expect(await rows()).toEqual(before);
  const again = await call(services[0], '/counter/projections/counter-totals/rebuilds', {});
  expect(await ended(services[0], again.location)).toMatchObject({ body: { status: 'succeeded' } });
  expect(await rows()).toEqual(before);
  expect(await leftovers()).toEqual([]);
});

it('is for operators, and refuses what it does not know', async () => {
  const path = '/counter/projections/counter-totals/rebuilds';
  expect(await call(services[0], path, {}, 'developer')).toMatchObject({ status: 403 });
  expect(await call(services[0], path, { quickly: true })).toMatchObject({
    status: 400,
    body: { errors: [{ pointer: '/quickly' }] },
  });
  expect(await call(services[0], '/counter/projections/none/rebuilds', {})).toMatchObject({ status: 404 });
  expect(await call(services[0], `${path}/${mintId(0)}`)).toMatchObject({ status: 404 });
});

it('rebuilds itself at the start when its version is another than that of the rows; an older process then writes nothing', async () => {
  const [old] = services;
  await start(2);
  await append(1);
  await until(rows, ([totals]) => totals?.every((row) => (row as { total: number }).total === appended) === true);

  expect((await rows())[0]).toEqual(subjects.toSorted().map((id) => ({ id, total: appended, mark: 'v2' })));
  expect((await rows())[1]).toHaveLength(subjects.length * appended);
  expect(old).toBeDefined();
  const { rows: versions } = await sql.query('SELECT DISTINCT version FROM projection.checkpoints');
  expect(versions).toEqual([{ version: 2 }]);
});

it('goes back a release: an older process is not ready until it was asked for a rebuild', async () => {
  await Promise.all(services.splice(0).map((service) => service.close()));
  const older = await start(1, false);
  const ready = older.ready();
  const isReady = async () => (await older.call('/health/ready')).status;
  const before = await rows();
  expect(await isReady()).toBe(503);
  expect((await rows())[0]).toEqual(before[0]);

  // 503 until it has found its database.
  const begun = await until(
    () => call(older, '/counter/projections/counter-totals/rebuilds', {}),
    ({ status }) => status !== 503,
  );
  expect(begun).toMatchObject({ status: 202, body: { version: 1 } });
  expect(await ended(older, begun.location)).toMatchObject({ body: { status: 'succeeded' } });
  await expect(ready).resolves.toBe(true);
  expect(await isReady()).toBe(200);
  await append(1);
  await until(rows, ([totals]) => totals?.every((row) => (row as { total: number }).total === appended) === true);
  expect((await rows())[0]).toEqual(subjects.toSorted().map((id) => ({ id, total: appended, mark: 'v1' })));
});
