import { accept, type Addressed, type ApprovalCommand, type ApprovalEvent, type Decision } from '#contracts';
import type { ApplicationApproval } from '../domain/application-approval.js';

type WithdrawReview = Addressed<Extract<ApprovalCommand, { readonly type: 'withdraw-review' }>>;

/**
 * Closes the review of a submission that was taken back, or, without a number, whatever review is open. A review that
 * is closed already stays as it is.
 */
export function withdrawReview(state: ApplicationApproval, command: WithdrawReview): Decision<ApprovalEvent> {
  const { id: reviewId, submission, status } = state.review;
  const meant = command.data.submission ?? submission;
  if (status !== 'pending' || meant !== submission) return accept();
  return accept({ type: 'review-withdrawn', data: { reviewId, submission } });
}
