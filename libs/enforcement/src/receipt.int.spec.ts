import { approval, mintId, type Position, registration, token, topicsOf, enforcementTopic } from '#contracts';
import { ensureTopics, type LogSettings } from '#event-log';
import { LogSeed } from '#testing';
import { quietLog } from '#testing';
import { isolate, type Isolation } from '../../../test/environment/isolation.js';
import { EnforcementPoint } from './enforcement-point.js';
import { ReceiptCollector } from './receipt-collector.js';
import type { EnforcementTiming } from './timing.js';

const timing: EnforcementTiming = { leaseMs: 1_500, reportMs: 150 };

let own: Isolation;
let settings: LogSettings;
let seed: LogSeed;
let collector: ReceiptCollector;
const points: EnforcementPoint[] = [];

const unexpected = (error: unknown): void => {
  throw error;
};

beforeAll(async () => {
  own = await isolate();
  settings = quietLog(own, 'enforcement');
  const topics = [...[registration, approval, token].map((context) => topicsOf(context).events), enforcementTopic];
  await ensureTopics(settings, topics, { replicationFactor: 1, minInSyncReplicas: 1 });
  seed = new LogSeed(settings);
  collector = new ReceiptCollector(settings, { onFailure: unexpected, timing });
  await collector.start();
}, 60_000);

afterAll(async () => {
  await Promise.all(points.map((point) => point.close()));
  await collector.close();
  await seed.close();
  await own.dispose();
}, 30_000);

async function aPoint(
  id: string,
  onClosure: (applicationId: string) => void = () => undefined,
  onFailure = unexpected,
  onLapse: () => void = () => undefined,
  inFlightWritesOf: (applicationId: string) => number = () => 0,
): Promise<EnforcementPoint> {
  const options = { id, kind: 'gateway', onClosure, onLapse, onFailure, inFlightWritesOf, timing } as const;
  const point = new EnforcementPoint(settings, options);
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
    const ids = ['one', 'two', 'three'];
    const started = await Promise.all(ids.map((id) => aPoint(id, (closed) => acted.push(`${id} ${closed}`))));
    expect(started.map((point) => point.holdsLease())).toEqual([true, true, true]);

    const position = await suspended(application);
    const receipt = await receiptOf(application, position);

    expect(receipt.enforcementPoints.map(({ id }) => id).sort()).toEqual([...ids].sort());
    expect(receipt.outstanding).toEqual([]);
    expect(acted.sort()).toEqual(ids.map((id) => `${id} ${application}`).sort());
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
    const point = await aPoint('writing', undefined, undefined, undefined, (id) => underWay.get(id) ?? 0);
    const position = await suspended(application);
    expect((await receiptOf(application, position)).inFlightWrites).toBe(2);
    underWay.clear();
    expect((await receiptOf(application, position)).inFlightWrites).toBe(2);
    await point.close();
  }, 30_000);

  test('a point that stopped in order is waited for no more', async () => {
    let lapses = 0;
    const point = await aPoint('leaving', undefined, undefined, () => lapses++);
    expect(lapses).toBe(0);
    await point.close();
    expect(lapses).toBe(1);
    expect(point.holdsLease()).toBe(false);
    const application = mintId(2);
    const receipt = await receiptOf(application, await suspended(application));
    expect([...receipt.enforcementPoints, ...receipt.outstanding].map(({ id }) => id)).not.toContain('leaving');
  }, 30_000);

  test('a point that leaves while access is closed holds up no receipt, and lets nobody in from then on', async () => {
    for (let round = 0; round < 5; round++) {
      const point = await aPoint(`leaving-${round}`);
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

  test('a point that cannot apply it lapses, stands in `outstanding`, and is then forgotten', async () => {
    const application = mintId(6);
    const failures: unknown[] = [];
    let lapses = 0;
    const stuck = await aPoint(
      'stuck',
      (closed) => {
        if (closed === application) throw new Error('cannot end its calls');
      },
      (error) => {
        failures.push(error);
      },
      () => lapses++,
    );
    expect(stuck.holdsLease()).toBe(true);

    const receipt = await receiptOf(application, await suspended(application));
    expect(receipt.outstanding.map(({ id }) => id)).toEqual(['stuck']);
    expect(receipt.enforcementPoints.map(({ id }) => id).sort()).toEqual(['one', 'three', 'two']);
    expect(receipt.elapsedMs).toBeGreaterThanOrEqual(timing.leaseMs);
    expect(stuck.holdsLease()).toBe(false);
    expect(failures).toHaveLength(1);
    expect(lapses).toBe(1);

    const next = await receiptOf(application, await suspended(application));
    expect(next.outstanding).toEqual([]);
  }, 30_000);
});
