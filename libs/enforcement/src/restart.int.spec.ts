import type { FoldedApplication } from '#access';
import { approval, enforcementTopic, registration, token, topicsOf } from '#contracts';
import { ensureTopics, type LogSettings, OrderedAppender, Snapshots } from '#event-log';
import { LogSeed, MemorySnapshots, SeededApplication, testClient } from '#testing';
import { isolate, type Isolation } from '../../../test/environment/isolation.js';
import { EnforcementPoint } from './enforcement-point.js';

const warnings: string[] = [];
const pace = { records: 1e9, restMs: 1e9, fewRecords: 0.1, idleMs: 1e9 }; // at every stop, and only then
const events = [registration, approval, token].map((context) => topicsOf(context).events);

let own: Isolation;
let settings: LogSettings;
let seed: LogSeed;
let store: MemorySnapshots;
const started: EnforcementPoint[] = [];
/** What the last point was told of. */
const folded = new Set<string>();

beforeAll(async () => {
  own = await isolate();
  const silent = (): void => undefined;
  const warn = (_fields: object, message: string): void => void warnings.push(message);
  settings = {
    brokers: own.brokers.split(','),
    clientId: 'enforcement',
    prefix: own.prefix,
    sink: { debug: silent, info: silent, warn, error: silent },
  };
  await ensureTopics(settings, [...events, enforcementTopic], { replicationFactor: 1, minInSyncReplicas: 1 });
  seed = new LogSeed(settings);
  store = new MemorySnapshots();
  warnings.length = 0;
}, 60_000);

afterAll(async () => {
  await Promise.all(started.map((point) => point.close()));
  await seed.close();
  await own.dispose();
});

async function startPoint(): Promise<EnforcementPoint> {
  folded.clear();
  const point = new EnforcementPoint(settings, {
    kind: 'gateway',
    snapshots: new Snapshots(settings, store, Buffer.alloc(32, 3), pace),
    onClosure: () => undefined,
    onLapse: () => undefined,
    onFolded: (applicationId) => folded.add(applicationId),
    onFailure: (error) => {
      throw error;
    },
  });
  started.push(point);
  await point.start();
  return point;
}

/** All that a point knows, in one order. */
function known({ access }: EnforcementPoint): FoldedApplication[] {
  return [...access.items()].sort((a, b) => (a.applicationId < b.applicationId ? -1 : 1));
}

describe('an enforcement point that starts from a snapshot', () => {
  it('knows what was in force, what came since, and what nobody could read; it believes no forged one', async () => {
    const client = await testClient();
    const application = new SeededApplication(seed, client);
    const unreadable = new SeededApplication(seed, await testClient());
    await application.registered();
    await application.approved(['system/*.rs']);
    await unreadable.registered();
    await unreadable.approved(['system/*.rs']);
    const appender = new OrderedAppender(settings, { deadlineMs: 10_000 });
    await appender.append(settings.prefix + topicsOf(registration).events.name, 3, { key: unreadable.id, value: '{}' });
    await appender.close();
    await application.happened(token, {
      type: 'token-revoked',
      data: { tokenId: 'spent', expiresAt: '2999-01-01T00:00:00Z' },
    });

    const first = await startPoint();
    const atFirst = known(first);
    const applied = first.applied;
    await first.close();
    expect(atFirst).toHaveLength(2);
    expect(store.heads.size).toBe(1);

    const second = await startPoint();
    expect(store.partsRead).toBeGreaterThan(0);
    expect(known(second)).toEqual(atFirst);
    expect([...folded].sort()).toEqual([application.id, unreadable.id].sort());
    expect(second.applied).toEqual(applied);
    expect(second.access.byApplicationId(unreadable.id, Date.now())).toMatchObject({ why: 'undecodable' });
    const access = second.access.byClientId(client.clientId, Date.now());
    expect(access).toMatchObject({ status: 'open', revokedTokens: new Set(['spent']) });
    await application.happened(registration, { type: 'application-suspended', data: { reason: 'x', epoch: 1 } });
    await second.close();

    const third = await startPoint();
    expect(third.access.byApplicationId(application.id, Date.now())).toMatchObject({ why: 'suspended', epoch: 1 });
    const whole = known(third);
    await third.close();
    expect(warnings).toEqual([]);

    const [kept] = [...store.heads.values()];
    const part = store.parts.get(kept!.id)![0]!;
    part[part.length - 9]! ^= 1;
    const fourth = await startPoint();
    expect(known(fourth)).toEqual(whole);
    expect(warnings).toEqual(['a snapshot is not used: reading the log from its beginning']);
  }, 60_000);
});
