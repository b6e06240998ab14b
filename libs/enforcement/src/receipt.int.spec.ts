import {
  type ActivityRecord,
  activityTopic,
  approval,
  encodeReport,
  enforcementTopic,
  mintId,
  PARTITIONS,
  PointKey,
  type Position,
  registration,
  token,
  topicsOf,
} from '#contracts';
import { type ActivityPort, ensureTopics, type LogSettings, OrderedAppender } from '#event-log';
import { LogSeed } from '#testing';
import { quietLog } from '#testing';
import { isolate, type Isolation } from '../../../test/environment/isolation.js';
import { EnforcementPoint, type EnforcementPointOptions } from './enforcement-point.js';
import { ReceiptCollector } from './receipt-collector.js';
import type { EnforcementTiming } from './timing.js';

const timing: EnforcementTiming = { leaseMs: 1_500, reportMs: 150 };

let own: Isolation;
let settings: LogSettings;
let seed: LogSeed;
let collector: ReceiptCollector;
/** What the collector puts on record. */
const refusals: ActivityRecord[] = [];
const points: EnforcementPoint[] = [];
/** Of the three points that are there in every test. */
let ids: readonly string[];

const unexpected = (error: unknown): void => {
  throw error;
};

beforeAll(async () => {
  own = await isolate();
  settings = quietLog(own, 'enforcement');
  const topics = [...[registration, approval, token].map((context) => topicsOf(context).events), enforcementTopic];
  await ensureTopics(settings, topics, { replicationFactor: 1, minInSyncReplicas: 1 });
  seed = new LogSeed(settings);
  const activity: ActivityPort = {
    append(record) {
      refusals.push(record);
      return Promise.resolve({ id: 'kept', position: { topic: activityTopic.name, partition: 0, offset: 0n } });
    },
  };
  collector = new ReceiptCollector(settings, { onFailure: unexpected, activity, timing });
  await collector.start();
}, 60_000);

afterAll(async () => {
  await Promise.all(points.map((point) => point.close()));
  await collector.close();
  await seed.close();
  await own.dispose();
}, 30_000);

async function aPoint(told: Partial<Omit<EnforcementPointOptions, 'kind'>> = {}): Promise<EnforcementPoint> {
  const nothing = (): void => undefined;
  const options = { onClosure: nothing, onLapse: nothing, onFailure: unexpected, timing, ...told };
  const point = new EnforcementPoint(settings, { kind: 'gateway', ...options });
  points.push(point);
  expect(point.holdsLease()).toBe(false);
  await point.start();
  return point;
}

const by = (applicationId: string) => ({ subject: applicationId, actor: 'someone', time: new Date().toISOString() });

async function suspended(applicationId: string): Promise<Position> {
  return await seed.event(
    registration,
    { type: 'application-suspended', data: { reason: 'incident', epoch: 1 } },
    by(applicationId),
  );
}

const receiptOf = (applicationId: string, position: Position) =>
  collector.receipt({ applicationId, position, decidedAt: new Date().toISOString() });

describe('a closure on a real log', () => {
  test('every point acts on it before it reports it, and the receipt names all three', async () => {
    const application = mintId(3);
    const acted: string[] = [];
    const names = ['one', 'two', 'three'];
    const started = await Promise.all(
      names.map((name) => aPoint({ onClosure: (closed) => void acted.push(`${name} ${closed}`) })),
    );
    ids = started.map(({ id }) => id).sort();
    expect(started.map((point) => point.holdsLease())).toEqual([true, true, true]);

    const position = await suspended(application);
    const receipt = await receiptOf(application, position);

    expect(receipt.enforcementPoints.map(({ id }) => id).sort()).toEqual(ids);
    expect(receipt.outstanding).toEqual([]);
    expect(acted.sort()).toEqual(names.map((name) => `${name} ${application}`).sort());
    expect(receipt.position).toBe(`${position.topic}:${position.partition}:${position.offset}`);
    for (const point of started)
      expect(point.applied.get(position.topic)?.[position.partition]).toBeGreaterThan(position.offset);
  }, 30_000);

  test('a second receipt for the same event needs no event', async () => {
    const application = mintId(5);
    const position = await suspended(application);
    const first = await receiptOf(application, position);
    const second = await receiptOf(application, position);
    expect(second.enforcementPoints).toHaveLength(first.enforcementPoints.length);
    expect(second.outstanding).toEqual([]);
  }, 30_000);

  test('writes that could not be called back are counted as they were at the closure, however late one asks', async () => {
    const application = mintId(7);
    const underWay = new Map([
      [application, 2],
      [mintId(7), 5],
    ]);
    const point = await aPoint({ inFlightWritesOf: (id) => underWay.get(id) ?? 0 });
    const position = await suspended(application);
    expect((await receiptOf(application, position)).inFlightWrites).toBe(2);
    underWay.clear();
    expect((await receiptOf(application, position)).inFlightWrites).toBe(2);
    await point.close();
  }, 30_000);

  test('a point that stopped in order is waited for no more', async () => {
    let lapses = 0;
    const point = await aPoint({ onLapse: () => void lapses++ });
    expect(lapses).toBe(0);
    await point.close();
    expect(lapses).toBe(1);
    expect(point.holdsLease()).toBe(false);
    const application = mintId(2);
    const receipt = await receiptOf(application, await suspended(application));
    expect([...receipt.enforcementPoints, ...receipt.outstanding].map(({ id }) => id)).not.toContain(point.id);
  }, 30_000);

  test('a point that leaves while access is closed holds up no receipt, and lets nobody in from then on', async () => {
    for (let round = 0; round < 5; round++) {
      const point = await aPoint();
      const application = mintId(round);
      const closing = suspended(application);
      const left = point.close();
      expect(point.holdsLease()).toBe(false);
      const receipt = await receiptOf(application, await closing);
      expect(receipt.outstanding.map(({ id }) => id)).not.toContain(point.id);
      await left;
      expect(point.holdsLease()).toBe(false);
      expect(collector.points().map(({ id }) => id)).not.toContain(point.id);
    }
  }, 30_000);

  test('nobody else can say that a point has stopped, or has applied what it has not; who tries is on record', async () => {
    const application = mintId(4);
    const silent = await aPoint({
      onClosure: (closed) => {
        if (closed === application) throw new Error('cannot end its calls');
      },
      onFailure: () => undefined,
    });
    const report = (stopped: boolean): string =>
      encodeReport({
        id: silent.id,
        kind: 'gateway',
        positions: { [topicsOf(registration).events.name]: Array.from({ length: PARTITIONS }, () => '1000000') },
        appliedAt: new Date().toISOString(),
        inFlightWrites: {},
        stopped,
      });
    const appender = new OrderedAppender(settings, { deadlineMs: 10_000 });
    const forge = (value: string) =>
      appender.append(settings.prefix + enforcementTopic.name, 0, { key: silent.id, value });
    const asked = receiptOf(application, await suspended(application));
    await forge(report(true));
    await forge(new PointKey().sign(report(true)));
    await forge(report(false));
    await forge('no report at all');
    const receipt = await asked;
    await appender.close();

    expect(receipt.outstanding.map(({ id }) => id)).toEqual([silent.id]);
    expect(receipt.enforcementPoints.map(({ id }) => id).sort()).toEqual(ids);
    expect(receipt.elapsedMs).toBeGreaterThanOrEqual(timing.leaseMs);
    const expected = [
      { reason: 'it has no signature', claimedPoint: silent.id, claimedStopped: true },
      { reason: 'its key is not that of the point which it names', claimedPoint: silent.id, claimedStopped: true },
      { reason: 'it has no signature', claimedPoint: silent.id, claimedStopped: false },
      { reason: 'it is no report of this release' },
    ];
    expect(refusals).toEqual(expected.map((data) => ({ type: 'report-refused', data: expect.objectContaining(data) })));
  }, 30_000);

  test('a point that cannot apply it lapses, stands in `outstanding`, and is then forgotten', async () => {
    const application = mintId(6);
    const failures: unknown[] = [];
    let lapses = 0;
    const stuck = await aPoint({
      onClosure: (closed) => {
        if (closed === application) throw new Error('cannot end its calls');
      },
      onFailure: (error) => void failures.push(error),
      onLapse: () => void lapses++,
    });
    expect(stuck.holdsLease()).toBe(true);

    const receipt = await receiptOf(application, await suspended(application));
    expect(receipt.outstanding.map(({ id }) => id)).toEqual([stuck.id]);
    expect(receipt.enforcementPoints.map(({ id }) => id).sort()).toEqual(ids);
    expect(receipt.elapsedMs).toBeGreaterThanOrEqual(timing.leaseMs);
    expect(stuck.holdsLease()).toBe(false);
    expect(failures).toHaveLength(1);
    expect(lapses).toBe(1);

    const next = await receiptOf(application, await suspended(application));
    expect(next.outstanding).toEqual([]);
  }, 30_000);
});
