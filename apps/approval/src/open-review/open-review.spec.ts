import {
  applicationId,
  decide,
  accepted,
  dueAt,
  given,
  now,
  openReview,
  requested,
  reviewId,
  reviewOpened,
  submission,
  when,
} from '../scenario.arbitrary.js';
import { defaultPolicy } from '../set-policy/set-policy.decider.js';
import { approvalDecider } from '../approval.decider.js';

const secondId = '019c0000-0000-7000-8000-0000000b0003';

describe('open-review', () => {
  it('opens the review of a first submission, due so many business days later', () => {
    expect(when(given(), openReview())).toEqual([reviewOpened()]);
  });

  it('changes nothing for the same submission, or an earlier one', () => {
    const state = given(reviewOpened({ submission: 2 }));
    expect(when(state, openReview({ submission: 2, reviewId: secondId }))).toEqual([]);
    expect(when(state, openReview({ submission: 1, reviewId: secondId }))).toEqual([]);
  });

  it('closes the open review of the submission before', () => {
    expect(when(given(reviewOpened()), openReview({ submission: 2, reviewId: secondId }))).toEqual([
      { type: 'review-withdrawn', data: { reviewId, submission: 1 } },
      reviewOpened({ submission: 2, reviewId: secondId }),
    ]);
  });

  describe('the clock of a request', () => {
    const due = (policy: object, over: Parameters<typeof openReview>[0] = {}, state = given()) => {
      const events = accepted(state, openReview({ ...over, policy: { ...defaultPolicy, ...policy } }));
      return events.flatMap((event) => (event.type === 'review-opened' ? [event.data.dueAt] : []))[0];
    };
    const backend = { reviewed: { ...submission().reviewed, kind: 'backend' as const } };

    it.each([
      [{ reviewDays: 4 }, now, '2026-03-06T09:00:00.000Z'],
      [{ reviewDays: 5 }, now, dueAt],
      [{ reviewDays: 5, holidays: ['2026-03-04'] }, now, '2026-03-10T09:00:00.000Z'],
      [{ reviewDays: 5, holidays: ['2026-03-07', '2026-03-02'] }, now, dueAt],
      [{ reviewDays: 1 }, '2026-03-06T23:30:00.000Z', '2026-03-09T23:30:00.000Z'],
      [{ reviewDays: 1 }, '2026-03-07T10:00:00.000Z', '2026-03-09T10:00:00.000Z'],
      // Sunday evening in New York; Monday is the first business day after it.
      [{ reviewDays: 1 }, '2026-03-02T01:00:00.000Z', '2026-03-03T01:00:00.000Z'],
      [{ reviewDays: 1, timeZone: 'America/New_York' }, '2026-03-02T01:00:00.000Z', '2026-03-03T01:00:00.000Z'],
      [{ reviewDays: 5, timeZone: 'America/New_York' }, '2026-03-02T01:00:00.000Z', '2026-03-07T01:00:00.000Z'],
      [{ reviewDays: 1, timeZone: 'Pacific/Auckland' }, '2026-03-05T20:00:00.000Z', '2026-03-08T20:00:00.000Z'],
    ])('under %j runs from %s to %s', (policy, requestedAt, expected) => {
      expect(due(policy, { requestedAt })).toBe(expected);
    });

    it('is five business days at most for applications of patients, and what the policy says for others', () => {
      expect(due({ reviewDays: 365 })).toBe(dueAt);
      expect(due({ reviewDays: 10 }, backend)).toBe('2026-03-16T09:00:00.000Z');
    });

    it('never pauses: through changes that were asked for, and through submissions that replace each other', () => {
      const sentBack = given(
        reviewOpened(),
        ...accepted(given(reviewOpened()), decide({ decision: 'request-changes' })),
      );
      const later = { reviewId: secondId, submission: 2, requestedAt: now };
      for (const state of [sentBack, given(reviewOpened())]) {
        const events = accepted(state, openReview(later), { time: '2026-03-20T09:00:00.000Z' });
        expect(events.at(-1)).toEqual(reviewOpened({ reviewId: secondId, submission: 2 }));
      }
    });

    it('is not put off by a longer policy or another kind, and begins anew for another request', () => {
      const later = { reviewId: secondId, submission: 2, requestedAt: now };
      expect(due({ reviewDays: 50 }, { ...later, ...backend }, given(reviewOpened()))).toBe(dueAt);
      const slow = given(reviewOpened({ ...backend, dueAt: '2026-06-01T09:00:00.000Z' }));
      expect(due({}, later, slow)).toBe(dueAt);
      const anew = { ...later, requestedAt: '2026-03-03T09:00:00.000Z' };
      expect(due({}, anew, given(reviewOpened()))).toBe('2026-03-10T09:00:00.000Z');
    });

    it('of events of before runs from when their review was opened', () => {
      const old = { ...submission(), policyVersion: 0, approvalsNeeded: 1, maximumApprovalDays: 365, dueAt };
      const state = given({ type: 'review-opened', data: old });
      expect(state && approvalDecider.view(state, 1)).toMatchObject({ requestedAt: now, openedAt: now, dueAt });
    });
  });

  it.each([
    ['shares an interaction', 'patient/Observation.s', 3],
    ['stands above', 'patient/*.cruds', 3],
    ['is of another type', 'patient/Condition.rs', 2],
    ['is of another interaction', 'patient/Observation.cud', 2],
    ['is of another context', 'system/Observation.rs', 2],
  ])('asks for the reviewers of a rule that %s', (_, scope, approvalsNeeded) => {
    const policy = { ...defaultPolicy, approvals: 2, rules: [{ scope, approvals: 3 }] };
    expect(when(given(), openReview({ policy }))).toEqual([reviewOpened({ approvalsNeeded })]);
  });

  it('never lets a rule lower what the policy asks of all', () => {
    const policy = { ...defaultPolicy, approvals: 2, rules: [{ scope: 'patient/*.rs', approvals: 1 }] };
    expect(when(given(), openReview({ policy }))).toEqual([reviewOpened({ approvalsNeeded: 2 })]);
  });

  describe('where the policy approves by itself', () => {
    const policy = {
      ...defaultPolicy,
      autoApprove: [{ kind: 'patient-access' as const, scopes: ['patient/*.rs', 'launch/patient'] }],
    };

    it('approves what lies within it, for as long as the policy allows', () => {
      expect(when(given(), openReview({ policy }))).toEqual([
        reviewOpened(),
        {
          type: 'review-approved',
          data: expect.objectContaining({
            approvalVersion: 1,
            reviewerIds: [],
            scopes: requested,
            expiresAt: '2027-03-02T09:00:00.000Z',
          }),
        },
      ]);
    });

    it.each([
      ['one scope more', submission([...requested, 'patient/Observation.c'])],
      ['a scope that cannot be read', submission([...requested, 'patient/Observation.sr'])],
      ['no scope at all', submission([])],
      ['another kind', { ...submission(), reviewed: { ...submission().reviewed, kind: 'backend' as const } }],
    ])('leaves %s to a reviewer', (_, asked) => {
      expect(when(given(), openReview({ ...asked, policy }))).toEqual([reviewOpened(asked)]);
    });
  });

  it('shows the open review as its resource', () => {
    const state = given(reviewOpened());
    expect(state && approvalDecider.view(state, 1)).toMatchObject({
      id: reviewId,
      applicationId,
      version: 1,
      status: 'pending',
      stage: 'first-review',
      requestedScopes: requested,
      openedAt: now,
      requestedAt: now,
      dueAt,
    });
  });
});

describe('withdraw-review', () => {
  const withdrawn = [{ type: 'review-withdrawn', data: { reviewId, submission: 1 } }];

  it('closes the review of that submission, or of any when none is named', () => {
    expect(when(given(reviewOpened()), { type: 'withdraw-review', data: { submission: 1 } })).toEqual(withdrawn);
    expect(when(given(reviewOpened()), { type: 'withdraw-review', data: {} })).toEqual(withdrawn);
  });

  it('leaves the review of another submission, and a closed one', () => {
    expect(when(given(reviewOpened({ submission: 2 })), { type: 'withdraw-review', data: { submission: 1 } })).toEqual(
      [],
    );
    const closed = given(reviewOpened(), { type: 'review-withdrawn', data: { reviewId, submission: 1 } });
    expect(when(closed, { type: 'withdraw-review', data: {} })).toEqual([]);
  });

  it('knows no review of an application that never asked', () => {
    expect(when(given(), { type: 'withdraw-review', data: {} })).toBe('404 not-found');
  });
});
