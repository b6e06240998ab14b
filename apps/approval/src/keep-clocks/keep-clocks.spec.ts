import type { ApprovalCommand } from '#contracts';
import { accepted, decide, given, now, requested, reviewId, reviewOpened, when } from '../scenario.arbitrary.js';

const dueAt = '2026-03-07T09:00:00.000Z';
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
    expect(when(given(reviewOpened()), breach, { time: '2026-03-07T08:59:59.999Z' })).toBe('409 not-due');
    expect(when(given(...approval), breach, { time: dueAt })).toEqual([]);
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
