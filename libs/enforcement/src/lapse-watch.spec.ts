import { jest } from '@jest/globals';
import { AppliedPositions } from './applied-positions.js';
import { processClock } from './clock.js';
import { LapseWatch } from './lapse-watch.js';
import { Lease } from './lease.js';

const LEASE_MS = 10_000;
const TOPIC = 'gatehouse.registration.events';

/** A lease that a test earns, and how often its end was told. */
function watched() {
  const lease = new Lease(LEASE_MS, processClock);
  const applied = new AppliedPositions(new Map([[TOPIC, [0n]]]));
  const onLapse = jest.fn();
  const watch = new LapseWatch(lease, onLapse);
  const earn = () => {
    lease.attempt(processClock(), new Map([[TOPIC, [0n]]]));
    lease.applied(applied);
    watch.again();
  };
  return { lease, watch, earn, onLapse };
}

describe('the end of a lease', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  test('is told when it comes, without anybody asking, and once', () => {
    const { lease, earn, onLapse } = watched();
    earn();
    jest.advanceTimersByTime(LEASE_MS - 1);
    expect(onLapse).not.toHaveBeenCalled();
    jest.advanceTimersByTime(2);
    expect(lease.holds()).toBe(false);
    expect(onLapse).toHaveBeenCalledTimes(1);
    jest.advanceTimersByTime(5 * LEASE_MS);
    expect(onLapse).toHaveBeenCalledTimes(1);
  });

  test('is not told while the lease is earned anew, and then counts from the last time', () => {
    const { earn, onLapse } = watched();
    for (let second = 0; second < 30; second++) {
      earn();
      jest.advanceTimersByTime(1_000);
    }
    expect(onLapse).not.toHaveBeenCalled();
    jest.advanceTimersByTime(LEASE_MS);
    expect(onLapse).toHaveBeenCalledTimes(1);
  });

  test('is told when it is given up, in the same tick, and not again', () => {
    const { lease, watch, earn, onLapse } = watched();
    earn();
    watch.drop();
    expect(lease.holds()).toBe(false);
    expect(onLapse).toHaveBeenCalledTimes(1);
    jest.advanceTimersByTime(2 * LEASE_MS);
    expect(onLapse).toHaveBeenCalledTimes(1);
  });

  test('nothing is told of a point that never had one', () => {
    const { watch, onLapse } = watched();
    watch.again();
    jest.advanceTimersByTime(2 * LEASE_MS);
    expect(onLapse).not.toHaveBeenCalled();
  });
});
