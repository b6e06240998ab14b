import fc from 'fast-check';
import { AppliedPositions } from './applied-positions.js';
import type { Instant } from './clock.js';
import { Lease } from './lease.js';

const LEASE_MS = 10_000;
const TOPIC = 'gatehouse.registration.events';

/** A point with one partition, whose clocks a test moves. */
function aPoint() {
  let now: Instant = { monotonic: 0, wall: 1_000_000 };
  const lease = new Lease(LEASE_MS, () => now);
  const applied = new AppliedPositions(new Map([[TOPIC, [0n]]]));
  return {
    lease,
    pass: (ms: number, wallMs = ms) => (now = { monotonic: now.monotonic + ms, wall: now.wall + wallMs }),
    now: () => now,
    attempt: (t0: Instant, end: bigint) => {
      lease.attempt(t0, new Map([[TOPIC, [end]]]));
      lease.applied(applied);
    },
    apply: (next: bigint) => {
      applied.advance(TOPIC, 0, next);
      lease.applied(applied);
    },
  };
}

describe('a lease', () => {
  test('a new point has none', () => {
    expect(aPoint().lease.holds()).toBe(false);
  });

  test('it counts from before the report left, not from the acknowledgement', () => {
    const { lease, pass, now, attempt } = aPoint();
    const t0 = now();
    pass(4_000);
    attempt(t0, 0n);
    expect(lease.holds()).toBe(true);
    pass(5_999);
    expect(lease.holds()).toBe(true);
    pass(1);
    expect(lease.holds()).toBe(false);
  });

  test('it is not earned before everything is applied that stood in the log after the report', () => {
    const { lease, now, attempt, apply } = aPoint();
    attempt(now(), 5n);
    expect(lease.holds()).toBe(false);
    apply(4n);
    expect(lease.holds()).toBe(false);
    apply(5n);
    expect(lease.holds()).toBe(true);
  });

  test('applying earns nothing without a report', () => {
    const { lease, apply } = aPoint();
    apply(100n);
    expect(lease.holds()).toBe(false);
  });

  test('an attempt that is caught up with later still counts from its own t0', () => {
    const { lease, pass, now, attempt, apply } = aPoint();
    attempt(now(), 5n);
    pass(9_000);
    apply(5n);
    expect(lease.holds()).toBe(true);
    pass(1_000);
    expect(lease.holds()).toBe(false);
  });

  test('a point whose tail is stuck lapses, however often it reports', () => {
    const { lease, pass, now, attempt } = aPoint();
    attempt(now(), 0n);
    for (let second = 1; second <= 9; second++) {
      pass(1_000);
      attempt(now(), 1n);
      expect(lease.holds()).toBe(true);
    }
    pass(1_000);
    attempt(now(), 1n);
    expect(lease.holds()).toBe(false);
  });

  test('once lapsed it comes back only by a new attempt', () => {
    const { lease, pass, now, attempt, apply } = aPoint();
    attempt(now(), 0n);
    pass(LEASE_MS);
    apply(3n);
    expect(lease.holds()).toBe(false);
    attempt(now(), 3n);
    expect(lease.holds()).toBe(true);
  });

  test.each([
    ['the monotonic clock stood still while the machine slept', 0, LEASE_MS],
    ['the wall clock was set back', LEASE_MS, -3_600_000],
  ])('the clock that moved further counts: %s', (_what, monotonicMs, wallMs) => {
    const { lease, pass, now, attempt } = aPoint();
    attempt(now(), 0n);
    pass(monotonicMs, wallMs);
    expect(lease.holds()).toBe(false);
  });

  test('given up, it is not earned by what was attempted before', () => {
    const { lease, now, attempt, apply } = aPoint();
    attempt(now(), 5n);
    lease.drop();
    apply(5n);
    expect(lease.holds()).toBe(false);
  });

  test('whatever happens: who holds one began a report less than a lease ago whose ends it has applied', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 6_000 }) }),
      fc.record({ kind: fc.constant('append' as const) }),
      fc.record({ kind: fc.constant('report' as const) }),
      fc.record({ kind: fc.constant('apply' as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { lease, pass, now, attempt, apply } = aPoint();
        let end = 0n;
        let next = 0n;
        const attempts: { readonly at: number; readonly end: bigint }[] = [];
        for (const each of steps) {
          if (each.kind === 'pass') pass(each.ms);
          if (each.kind === 'append') end++;
          if (each.kind === 'report') {
            attempts.push({ at: now().monotonic, end });
            attempt(now(), end);
          }
          if (each.kind === 'apply' && next < end) apply(++next);
          const justified = attempts.some((it) => it.end <= next && now().monotonic - it.at < LEASE_MS);
          expect(lease.holds()).toBe(justified);
        }
      }),
    );
  });
});
