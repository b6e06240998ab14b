import type { CallLimits } from '#contracts';
import { CallLimiter } from './call-limits.js';

/** A limiter with a clock of its own; `call` gives whether it was let in, or after how many seconds it may be. */
function aLimiter(startMs = Date.UTC(2026, 0, 1)) {
  let now = startMs;
  const limiter = new CallLimiter(() => now);
  const call = (id: string, limits: CallLimits) => {
    const entered = limiter.enter(id, limits);
    return typeof entered === 'function' ? 'in' : entered.retryAfterSeconds;
  };
  return { limiter, call, pass: (ms: number) => (now += ms) };
}

describe('limits of calls', () => {
  test('without any nothing is refused', () => {
    const { call } = aLimiter();
    for (let at = 0; at < 10_000; at++) expect(call('a', {})).toBe('in');
  });

  test('a rate: ten seconds of it at once, then one by one, and it is told when', () => {
    const { call, pass } = aLimiter();
    const limits = { callsPerMinute: 60 };
    expect(Array.from({ length: 11 }, () => call('a', limits))).toEqual([...Array<string>(10).fill('in'), 1]);
    pass(1_000);
    expect([call('a', limits), call('a', limits)]).toEqual(['in', 1]);
    pass(3_600_000);
    expect(Array.from({ length: 11 }, () => call('a', limits)).filter((it) => it === 'in')).toHaveLength(10);
  });

  test('another application’s rate is its own', () => {
    const { call } = aLimiter();
    const limits = { callsPerMinute: 6 };
    expect([call('a', limits), call('a', limits), call('b', limits)]).toEqual(['in', 10, 'in']);
  });

  test('a rate that is lowered counts at once', () => {
    const { call } = aLimiter();
    expect(call('a', { callsPerMinute: 6_000 })).toBe('in');
    expect([call('a', { callsPerMinute: 1 }), call('a', { callsPerMinute: 1 })]).toEqual(['in', 60]);
  });

  test('a quota ends with the day, in UTC', () => {
    const { call, pass } = aLimiter(Date.UTC(2026, 0, 1, 23, 59, 0));
    const limits = { callsPerDay: 2 };
    expect([call('a', limits), call('a', limits), call('a', limits)]).toEqual(['in', 'in', 60]);
    pass(60_000);
    expect(call('a', limits)).toBe('in');
  });

  test('calls under way are given back when they end', () => {
    const { limiter, call } = aLimiter();
    const limits = { concurrentCalls: 1 };
    const leave = limiter.enter('a', limits);
    expect(call('a', limits)).toBe(1);
    if (typeof leave !== 'function') throw new Error('not let in');
    leave();
    expect(call('a', limits)).toBe('in');
  });

  test('a clock that goes back gives nothing', () => {
    const { call, pass } = aLimiter();
    const limits = { callsPerMinute: 6 };
    expect(call('a', limits)).toBe('in');
    pass(-3_600_000);
    expect(call('a', limits)).toBe(10);
  });

  test('what comes within a call counts as calls: of a day at once, of a minute by waiting', () => {
    const { limiter, call, pass } = aLimiter();
    const perMinute = { callsPerMinute: 6 };
    expect(call('a', perMinute)).toBe('in');
    expect(limiter.countMore('a', 3, perMinute)).toBeUndefined();
    // Three more are owed, and each takes ten seconds to come.
    expect(call('a', perMinute)).toBe(40);
    pass(30_000);
    expect(call('a', perMinute)).toBe(10);
    pass(10_000);
    expect(call('a', perMinute)).toBe('in');

    const perDay = { callsPerDay: 10 };
    expect(call('b', perDay)).toBe('in');
    expect(limiter.countMore('b', 10, perDay)).toMatchObject({ detail: expect.stringContaining('10 calls a day') });
    expect(limiter.countMore('b', 9, perDay)).toBeUndefined();
    expect(call('b', perDay)).not.toBe('in');
  });
});
