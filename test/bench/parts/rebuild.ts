import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { DataSource, type MigrationInterface } from 'typeorm';
import { activityTopic, approval, mintId, partitionOf, registration, review, token, topicsOf } from '#contracts';
import { beginRebuild, ensureTopics, findRebuild, OrderedAppender, type ProjectionDefinition } from '#event-log';
import { PoolStore } from '#testing';
import { auditRecordsProjection } from '../../../apps/audit/src/audit-records/audit-records.projection.js';
import { AddObserved1763950200000 } from '../../../apps/audit/src/audit-records/add-observed.js';
import { CreateAuditRecords1763949600000 } from '../../../apps/audit/src/audit-records/create-audit-records.js';
import { applicationsProjection } from '../../../apps/registration/src/show-applications/applications.projection.js';
import { CreateNotices1763948400002 } from '../../../apps/registration/src/notify-contacts/create-notices.js';
import { CreateApplications1763948400000 } from '../../../apps/registration/src/show-applications/create-applications.js';
import { type Bench, type BenchPart, spread } from '../bench.js';
import { serversProcessorTime, serversTook } from '../processor-time.js';

const EVENTS = Number(process.env['BENCH_EVENTS'] ?? 500_000);
const RUNS = 3;
const AT_ONCE = 5_000;

/** The life of an application, in the order of its events. */
const LIFE = [
  'application-registered',
  'application-submitted',
  'approval-applied',
  'application-suspended',
  'application-reinstated',
];

export const part: BenchPart = {
  title: `projections rebuilt from ${EVENTS} events: read, decoded, applied, indexed and swapped`,
  async run(bench) {
    const topics = [...[registration, approval, token, review].map((each) => topicsOf(each).events), activityTopic];
    await ensureTopics(bench.settings, topics, { replicationFactor: 1, minInSyncReplicas: 1 });
    await migrate(bench.databaseUrl);
    const lives = await Promise.all(LIFE.map((type) => golden(`registration.events/${type}.v1.json`)));
    await fill(bench, topicsOf(registration).events.name, (index) => {
      const turn = index % LIFE.length;
      return { envelope: lives[turn] ?? {}, sequence: turn + 1, fresh: turn === 0 };
    });
    await measure(bench, applicationsProjection);
    const call = await golden('activity/access-allowed.v1.json');
    await fill(bench, activityTopic.name, (index) => ({ envelope: call, sequence: index, fresh: index % 100 === 0 }));
    await measure(bench, auditRecordsProjection);
  },
};

async function measure({ settings, databaseUrl, print }: Bench, projection: ProjectionDefinition): Promise<void> {
  const store = new PoolStore(databaseUrl);
  const replay: number[] = [];
  const whole: number[] = [];
  const cpu: number[] = [];
  let events = 0;
  const servers = serversProcessorTime();
  for (let run = 0; run < RUNS; run++) {
    const before = process.cpuUsage();
    const from = performance.now();
    const { id, finished } = await beginRebuild(settings, projection, store, new AbortController().signal);
    await finished;
    const seconds = (performance.now() - from) / 1_000;
    const { user, system } = process.cpuUsage(before);
    const record = await store.transaction((query) => findRebuild(query, id));
    if (record === undefined) throw new Error(`${id} was not kept`);
    events = record.events;
    replay.push((events * 1_000) / record.replayMs);
    whole.push(events / seconds);
    cpu.push((user + system) / events);
  }
  await store.close();
  print(
    `${projection.name}: ${events} events; ${spread(replay)} events/s replayed, ${spread(whole)} with indexes and swap, CPU an event: ${spread(cpu)} µs of the process, ${serversTook(servers, serversProcessorTime(), RUNS * events)}`,
  );
}

async function migrate(databaseUrl: string): Promise<void> {
  const store = new PoolStore(databaseUrl);
  await store.ready();
  await store.close();
  const migrations: (new () => MigrationInterface)[] = [
    CreateApplications1763948400000,
    CreateNotices1763948400002,
    CreateAuditRecords1763949600000,
    AddObserved1763950200000,
  ];
  const source = await new DataSource({ type: 'postgres', url: databaseUrl, migrations }).initialize();
  await source.runMigrations();
  await source.destroy();
}

/** A record as the contracts' golden files keep it. */
async function golden(file: string): Promise<object> {
  return JSON.parse(await readFile(`libs/contracts/golden/${file}`, 'utf8')) as object;
}

/** Appends `EVENTS` records; `fresh` begins another application, in the next partition. */
async function fill(
  { settings }: Bench,
  topic: string,
  next: (index: number) => { readonly envelope: object; readonly sequence: number; readonly fresh: boolean },
): Promise<void> {
  const appender = new OrderedAppender(settings, { deadlineMs: 60_000 });
  let subject = mintId(0);
  for (let begun = 0; begun < EVENTS; begun += AT_ONCE) {
    await Promise.all(
      Array.from({ length: Math.min(AT_ONCE, EVENTS - begun) }, (_, each) => {
        const { envelope, sequence, fresh } = next(begun + each);
        if (fresh) subject = mintId((begun + each) % 8);
        const record: Record<string, unknown> = { ...envelope, id: randomUUID(), subject, sequence: String(sequence) };
        if (typeof record['data'] === 'object' && 'clientId' in (record['data'] ?? {}))
          record['data'] = { ...record['data'], clientId: subject };
        const partition = partitionOf(subject);
        return appender.append(settings.prefix + topic, partition, { key: subject, value: JSON.stringify(record) });
      }),
    );
  }
  await appender.close();
}
