import { mintId, type ApprovalEvent, type EventMeta, type ReviewEvent } from '#contracts';
import { followApproval } from './follow-approval.reactor.js';
import { followReview } from './follow-review.reactor.js';

const subject = mintId(1);
const meta: EventMeta = {
  id: mintId(1),
  subject,
  time: '2026-03-01T00:00:00Z',
  actor: 'reviewer',
  correlationId: 'x',
  causationId: 'x',
  version: 1,
  commandOffset: 1n,
};
const reviewId = mintId(1);
const approved = {
  approvalVersion: 2,
  submission: 3,
  scopes: ['patient/Patient.r'],
  expiresAt: '2027-03-01T00:00:00Z',
} as const;
const asked = (event: ApprovalEvent) => followApproval.react({ ...event, meta });

describe('registration follows approval', () => {
  it('takes note of the review and of the approval', () => {
    const data = { ...approved, reviewId, reviewerIds: ['r'], conditions: [], endpoints: ['*'], reason: 'fits' };
    expect(asked({ type: 'review-approved', data: { ...data, scopes: [...approved.scopes] } })).toEqual([
      { type: 'apply-review', subject, data: { reviewId, submission: 3, verdict: 'approved', reason: 'fits' } },
      { type: 'apply-approval', subject, data: { ...approved, expired: false } },
    ]);
  });

  it.each([
    ['review-rejected', 'rejected'],
    ['review-changes-requested', 'changes-requested'],
  ] as const)('takes note of %s', (type, verdict) => {
    expect(asked({ type, data: { reviewId, submission: 3, reviewerId: 'r', reason: 'no' } })).toEqual([
      { type: 'apply-review', subject, data: { reviewId, submission: 3, verdict, reason: 'no' } },
    ]);
  });

  it('takes note of the end of an approval, and of nothing else', () => {
    const data = { ...approved, scopes: [...approved.scopes] };
    expect(asked({ type: 'approval-expired', data })).toEqual([
      { type: 'apply-approval', subject, data: { ...approved, expired: true } },
    ]);
    expect(asked({ type: 'review-withdrawn', data: { reviewId, submission: 3 } })).toEqual([]);
  });
});

describe('registration follows certification campaigns', () => {
  const decided = (decision: 'keep' | 'narrow' | 'revoke'): ReviewEvent => ({
    type: 'item-decided',
    data: { itemId: mintId(2), applicationId: subject, decision, reason: 'unused', bySilence: false },
  });
  const campaign = { ...meta, subject: mintId(2) };

  it('revokes what is no longer needed, in its own partition', () => {
    expect(followReview.react({ ...decided('revoke'), meta: campaign })).toEqual([
      { type: 'revoke-application', subject, data: { reason: 'unused' } },
    ]);
    expect(followReview.react({ ...decided('narrow'), meta: campaign })).toEqual([]);
    expect(followReview.react({ ...decided('keep'), meta: campaign })).toEqual([]);
  });
});
