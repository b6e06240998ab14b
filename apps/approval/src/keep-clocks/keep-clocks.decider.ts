import { accept, type Addressed, type ApprovalCommand, type ApprovalEvent, type Decision } from '#contracts';
import type { ApplicationApproval } from '../domain/application-approval.js';
import { hasCome } from '../domain/days.js';
import { conflict } from '../domain/refusals.js';

type Of<Name extends ApprovalCommand['type']> = Addressed<Extract<ApprovalCommand, { readonly type: Name }>>;

const notDue = (due: string) => conflict('not-due', 'Not due', `The timer came early: it is due at ${due}.`);

/** Ends an approval whose time has come. A timer of another approval, or a second one, changes nothing. */
export function expireApproval(state: ApplicationApproval, command: Of<'expire-approval'>): Decision<ApprovalEvent> {
  const { approval } = state;
  if (approval === undefined || approval.expired || approval.version !== command.data.approvalVersion) return accept();
  const { version: approvalVersion, submission, scopes, expiresAt } = approval;
  if (!hasCome(expiresAt, command.meta.time)) return notDue(expiresAt);
  return accept({ type: 'approval-expired', data: { approvalVersion, submission, scopes: [...scopes], expiresAt } });
}

/**
 * Notes once that a request was not decided in time; its review stays as it is. The clock never pauses, so that it runs
 * out as well while the developer is asked for changes.
 */
export function breachReviewClock(
  state: ApplicationApproval,
  command: Of<'breach-review-clock'>,
): Decision<ApprovalEvent> {
  const { id: reviewId, status, breachedAt, dueAt } = state.review;
  const undecided = status === 'pending' || status === 'changes-requested';
  if (reviewId !== command.data.reviewId || !undecided || breachedAt !== undefined) return accept();
  if (!hasCome(dueAt, command.meta.time)) return notDue(dueAt);
  return accept({ type: 'review-clock-breached', data: { reviewId, dueAt } });
}
