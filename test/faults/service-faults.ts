import { setTimeout as delay } from 'node:timers/promises';
import { startTestService, testIssuer, type TestIssuer, type TestService } from '#testing';
import { Client } from 'pg';
import { registrationPart } from '../../apps/registration/src/registration.part.js';
import { startBroker } from '../../scripts/infrastructure/kafka.mjs';
import { Person } from '../demo/http.js';
import { differencesAfterRebuild } from '../end-to-end/rebuild-all.js';
import { compare } from './log-checker.js';
import { stoppablePostgres, type StoppablePostgres } from './postgres-faults.js';
import { type RawRecord, readTopic } from './raw-log.js';
import { RegistrationLoad } from './registration-load.js';

type Broker = Awaited<ReturnType<typeof startBroker>>;

export interface ServiceReport {
  readonly commands: number;
  readonly statuses: Readonly<Record<string, number>>;
  /** The longest that one request took, in milliseconds. */
  readonly longest: number;
  readonly faults: readonly string[];
}

/**
 * Takes Postgres or the broker away from two instances of registration, under load over REST.
 *
 * @param meanwhile what is looked at while it is away, which is at least `forMs`
 */
export async function takeAway(
  what: 'postgres' | 'kafka',
  forMs: number,
  perSecond: number,
  meanwhile: (services: readonly TestService[]) => Promise<unknown> = () => Promise.resolve(),
): Promise<ServiceReport> {
  const prefix = 'fault.';
  const [issuer, postgres, broker] = await Promise.all([testIssuer(), stoppablePostgres(), startBroker()]);
  const services: TestService[] = [];
  try {
    for (let count = 0; count < 2; count++) {
      services.push(
        await startTestService(registrationPart, {
          databaseUrl: postgres.url,
          issuer,
          environment: { KAFKA_TOPIC_PREFIX: prefix, KAFKA_BROKERS: broker.brokers },
        }),
      );
    }
    const load = new RegistrationLoad(services, issuer);
    await load.open();
    const { promise: over, resolve: end } = Promise.withResolvers<void>();
    const loaded = load.run(perSecond, over);
    await delay(3_000); // so that commands and rows are under way
    const away = async (): Promise<void> => void (await Promise.all([delay(forMs), meanwhile(services)]));
    if (what === 'postgres') await postgres.without(away);
    else await withoutBroker(broker, away);
    await delay(3_000); // the load goes on over what is healed
    end();
    await loaded;
    const events = await readTopic(broker.brokers, `${prefix}gatehouse.registration.events`);
    const rows = await compareRows(events, postgres);
    const operator = await operatorAt(services, issuer);
    const rebuilt = await differencesAfterRebuild(operator, postgres.url, ['registration']);
    return {
      commands: new Set(load.told.map(({ commandId }) => commandId)).size,
      statuses: load.statuses,
      longest: Math.round(load.longest),
      faults: [...load.wrong, ...compare(load.told, events), ...rows, ...rebuilt],
    };
  } finally {
    await Promise.all(services.map((service) => service.close()));
    await Promise.all([issuer.close(), postgres.remove(), broker.stop()]);
  }
}

async function operatorAt([service]: readonly TestService[], issuer: TestIssuer): Promise<Person> {
  if (service === undefined) throw new Error('no instance to ask');
  const { authorization } = await issuer.bearer('operator', 'operator');
  return Person.withToken(service.url, 'the operator', authorization.replace(/^Bearer /, ''));
}

async function withoutBroker({ nodes }: Broker, work: () => Promise<void>): Promise<void> {
  await Promise.all(nodes.map((node) => node.kill()));
  await work();
  await Promise.all(nodes.map((node) => node.start()));
}

const CATCH_UP_MS = 60_000;
const LOOK_EVERY_MS = 250;

/** The tables, once they hold as many events as the log: each application at its version, each event once. */
export async function compareRows(
  events: readonly RawRecord[],
  { url }: Pick<StoppablePostgres, 'url'>,
): Promise<string[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const rows = async (sql: string) => (await client.query<{ id: string; count: number }>(sql)).rows;
    const giveUpAt = performance.now() + CATCH_UP_MS;
    const history = () =>
      rows('SELECT application_id AS id, count(*)::integer AS count FROM projection.application_history GROUP BY 1');
    let found = await history();
    const kept = (): number => found.reduce((sum, { count }) => sum + count, 0);
    while (kept() < events.length && performance.now() < giveUpAt) {
      await delay(LOOK_EVERY_MS);
      found = await history();
    }
    const current = await rows('SELECT id, version AS count FROM projection.applications');
    return [...Map.groupBy(events, ({ value }) => String(value['subject']))].flatMap(([id, own]) =>
      [found, current].flatMap((table) => {
        const count = table.find((row) => row.id === id)?.count;
        return count === own.length ? [] : [`${id} has ${String(own.length)} events; a table says ${String(count)}`];
      }),
    );
  } finally {
    await client.end();
  }
}

/** What both forms of these tests end in; prints the figures first. */
export function expectOnlyClearAnswers(fault: string, report: ServiceReport): void {
  process.stdout.write(`${JSON.stringify({ fault, ...report, faults: report.faults.length })}\n`);
  expect(report.faults).toEqual([]);
  expect(report.commands).toBeGreaterThan(20);
}
