import type { ApprovalCommand } from '#contracts';
import { accepted, decide, dueAt, given, now, requested, reviewId, reviewOpened, when } from '../scenario.arbitrary.js';

const expiresAt = '2027-03-02T09:00:00.000Z';
const breach: ApprovalCommand = { type: 'breach-review-clock', data: { reviewId, dueAt } };
const expire = (approvalVersion = 1): ApprovalCommand => ({
  type: 'expire-approval',
  data: { approvalVersion, dueAt: expiresAt },
});
const approval = [reviewOpened(), ...accepted(given(reviewOpened()), decide())];

describe('the clock of a review', () => {
  it('is breached when its time has come, once', () => {
    const state = given(reviewOpened());
    expect(when(state, breach, { time: dueAt })).toEqual([
      { type: 'review-clock-breached', data: { reviewId, dueAt } },
    ]);
    expect(when(given(reviewOpened(), ...accepted(state, breach, { time: dueAt })), breach, { time: dueAt })).toEqual(
      [],
    );
  });

  it('is not breached early, nor for a review that is closed', () => {
    expect(when(given(reviewOpened()), breach, { time: '2026-03-09T08:59:59.999Z' })).toBe('409 not-due');
    expect(when(given(...approval), breach, { time: dueAt })).toEqual([]);
  });

  it('runs on while the developer is asked for changes', () => {
    const asked = accepted(given(reviewOpened()), decide({ decision: 'request-changes' }));
    const state = given(reviewOpened(), ...asked);
    expect(when(state, breach, { time: '2026-03-09T08:59:59.999Z' })).toBe('409 not-due');
    expect(when(state, breach, { time: dueAt })).toEqual([
      { type: 'review-clock-breached', data: { reviewId, dueAt } },
    ]);
  });

  it('is breached once for a request, however often that is submitted again', () => {
    const second = '019c0000-0000-7000-8000-0000000b0003';
    const breached = { type: 'review-clock-breached' as const, data: { reviewId, dueAt } };
    const again = given(reviewOpened(), breached, reviewOpened({ reviewId: second, submission: 2 }));
    const of = (at: string): ApprovalCommand => ({
      type: 'breach-review-clock',
      data: { reviewId: second, dueAt: at },
    });
    expect(when(again, of(dueAt), { time: dueAt })).toEqual([]);
    const requestedAt = '2026-03-03T09:00:00.000Z';
    const anew = given(reviewOpened(), breached, reviewOpened({ reviewId: second, submission: 2, requestedAt }));
    expect(when(anew, of(dueAt), { time: dueAt })).toHaveLength(1);
  });

  it('leaves a breached review to be decided', () => {
    expect(
      when(given(reviewOpened(), { type: 'review-clock-breached', data: { reviewId, dueAt } }), decide()),
    ).toHaveLength(1);
  });
});

describe('the end of an approval', () => {
  it('comes when its time has, once', () => {
    const end = {
      type: 'approval-expired' as const,
      data: { approvalVersion: 1, submission: 1, scopes: requested, expiresAt },
    };
    expect(when(given(...approval), expire(), { time: expiresAt })).toEqual([end]);
    expect(when(given(...approval, end), expire(), { time: expiresAt })).toEqual([]);
  });

  it('does not come early, nor by the timer of an approval before', () => {
    expect(when(given(...approval), expire(), { time: now })).toBe('409 not-due');
    const again = given(
      ...approval,
      reviewOpened({ submission: 2 }),
      ...accepted(given(...approval, reviewOpened({ submission: 2 })), decide()),
    );
    expect(when(again, expire(1), { time: expiresAt })).toEqual([]);
  });
});
