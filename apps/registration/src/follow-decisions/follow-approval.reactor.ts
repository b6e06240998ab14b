import { approval, registration } from '#contracts';
import { defineReactor, type Reaction } from '#event-log';

/** Registration takes note of what approval decided. */
export const followApproval = defineReactor({
  name: 'registration-follows-approval',
  source: approval,
  target: registration,
  react(event): readonly Reaction<typeof registration>[] {
    const { subject } = event.meta;
    switch (event.type) {
      case 'review-approved': {
        const { reviewId, submission, approvalVersion, scopes, expiresAt, reason } = event.data;
        return [
          { type: 'apply-review', subject, data: { reviewId, submission, verdict: 'approved', reason } },
          { type: 'apply-approval', subject, data: { approvalVersion, submission, scopes, expiresAt, expired: false } },
        ];
      }
      case 'review-rejected':
      case 'review-changes-requested': {
        const { reviewId, submission, reason } = event.data;
        const verdict = event.type === 'review-rejected' ? 'rejected' : 'changes-requested';
        return [{ type: 'apply-review', subject, data: { reviewId, submission, verdict, reason } }];
      }
      case 'approval-narrowed':
      case 'approval-expired': {
        const { approvalVersion, submission, scopes, expiresAt } = event.data;
        const expired = event.type === 'approval-expired';
        return [{ type: 'apply-approval', subject, data: { approvalVersion, submission, scopes, expiresAt, expired } }];
      }
      default:
        return [];
    }
  },
});
