import { mintId } from '#contracts';
import type { ActivityEntry } from '#contracts';
import { useIn, withoutRepeats } from './access-use.js';

const application = mintId(1);

function call(
  type: 'access-allowed' | 'access-denied',
  time: string,
  sequence: number,
  scope?: string,
  subject = application,
): ActivityEntry {
  return {
    type,
    data: {
      callId: `call-${sequence}`,
      endpoint: 'default',
      enforcementPoint: 'g',
      method: 'GET',
      reason: 'r',
      ...(scope === undefined ? {} : { scope }),
    },
    meta: {
      id: `a${sequence}`,
      subject,
      time,
      actor: 'client:c',
      correlationId: 'x',
      causationId: 'x',
      run: 'run',
      sequence,
    },
  };
}

describe('use of an access', () => {
  it('is not a call that was let in because it was observed, and would have been refused', () => {
    const entry = call('access-allowed', '2026-01-01T10:00:00Z', 0, 'system/Patient.r');
    const { days, scopes, calls } = useIn([{ ...entry, data: { ...entry.data, observed: 'denied' } } as ActivityEntry]);
    expect([days.length, scopes, calls]).toEqual([1, [], []]);
  });

  it('adds up by day, and remembers when each scope was last used', () => {
    const { days, scopes, calls } = useIn([
      call('access-allowed', '2026-01-01T10:00:00Z', 0, 'system/Patient.r'),
      call('access-allowed', '2026-01-01T09:00:00Z', 1, 'system/Patient.r'),
      call('access-denied', '2026-01-01T11:00:00Z', 2, 'system/Patient.s'),
      call('access-denied', '2026-01-02T11:00:00Z', 3),
    ]);
    expect(days).toEqual([
      {
        application_id: application,
        day: '2026-01-01',
        tokens: 0,
        allowed: 2,
        denied: 1,
        last_used_at: '2026-01-01T10:00:00Z',
      },
      { application_id: application, day: '2026-01-02', tokens: 0, allowed: 0, denied: 1, last_used_at: null },
    ]);
    expect(scopes).toEqual([
      { application_id: application, scope: 'system/Patient.r', last_used_at: '2026-01-01T10:00:00Z' },
    ]);
    expect(calls).toEqual([
      {
        application_id: application,
        day: '2026-01-01',
        interaction: '',
        resource_type: '',
        scope: 'system/Patient.r',
        calls: 2,
        last_used_at: '2026-01-01T10:00:00Z',
      },
    ]);
  });

  it('is not of an application that nobody knows', () => {
    expect(useIn([call('access-denied', '2026-01-01T10:00:00Z', 0, undefined, 'unknown')])).toEqual({
      days: [],
      scopes: [],
      calls: [],
    });
  });
});

describe('repeats', () => {
  const entry = (sequence: number) => ({
    partition: 2,
    entry: call('access-allowed', '2026-01-01T10:00:00Z', sequence),
  });
  const numbersOf = (fresh: readonly ActivityEntry[]) => fresh.map(({ meta }) => meta.sequence);

  it('are dropped within a batch and across batches', () => {
    const first = withoutRepeats([entry(0), entry(1), entry(0), entry(1), entry(2)], new Map());
    expect(numbersOf(first.fresh)).toEqual([0, 1, 2]);
    const second = withoutRepeats([entry(1), entry(2), entry(3)], first.next);
    expect(numbersOf(second.fresh)).toEqual([3]);
  });

  it('belong to a run and partition: the same number elsewhere is another record', () => {
    const { next } = withoutRepeats([entry(0)], new Map());
    expect(numbersOf(withoutRepeats([{ ...entry(0), partition: 3 }], next).fresh)).toEqual([0]);
    const otherRun = entry(0);
    const restarted = { ...otherRun, entry: { ...otherRun.entry, meta: { ...otherRun.entry.meta, run: 'next run' } } };
    expect(numbersOf(withoutRepeats([restarted], next).fresh)).toEqual([0]);
  });
});
