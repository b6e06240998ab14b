import {
  accept,
  type Addressed,
  type ApprovalCommand,
  type ApprovalEvent,
  type ApprovalPolicy,
  type Decision,
} from '#contracts';
import { reviewBefore, type ApplicationApproval } from '../domain/application-approval.js';
import { businessDaysAfter, daysAfter } from '../domain/days.js';
import { overlap, widerThan } from '../domain/scope-texts.js';

/** 45 CFR 170.404(b)(1)(ii): a patient's application is enabled within so many business days, whatever the policy says. */
const PATIENT_ACCESS_DAYS = 5;

type OpenReview = Addressed<Extract<ApprovalCommand, { readonly type: 'open-review' }>>;

/**
 * Opens the review of a submission, once. A later submission closes the review of the one before; an earlier one, or
 * the same again, changes nothing. What the policy approves by itself is approved in the same breath.
 */
export function openReview(state: ApplicationApproval | undefined, command: OpenReview): Decision<ApprovalEvent> {
  const { time } = command.meta;
  const { policy, policyVersion, requestedAt = time, ...submission } = command.data;
  if (state !== undefined && submission.submission <= state.review.submission) return accept();

  const events: ApprovalEvent[] = [];
  if (state?.review.status === 'pending') {
    const { id: reviewId, submission: replaced } = state.review;
    events.push({ type: 'review-withdrawn', data: { reviewId, submission: replaced } });
  }
  const { scopes, kind } = submission.reviewed;
  events.push({
    type: 'review-opened',
    data: {
      ...submission,
      requestedAt,
      policyVersion,
      approvalsNeeded: approvalsNeeded(policy, scopes),
      maximumApprovalDays: policy.maximumApprovalDays,
      dueAt: dueAt(state, policy, kind, requestedAt),
    },
  });
  if (approvesByItself(policy, kind, scopes)) {
    events.push({
      type: 'review-approved',
      data: {
        reviewId: submission.reviewId,
        submission: submission.submission,
        approvalVersion: (state?.approval?.version ?? 0) + 1,
        reviewerIds: [],
        scopes,
        expiresAt: daysAfter(time, policy.maximumApprovalDays),
        conditions: [],
        endpoints: ['*'],
        reason: `The policy (version ${policyVersion}) approves these scopes for the kind ${kind} without a reviewer.`,
      },
    });
  }
  return accept(...events);
}

/**
 * When the request must have been decided. Its clock runs from when it was first made, and never pauses: a later form of
 * the same request is due when the one before was, or earlier.
 */
function dueAt(
  state: ApplicationApproval | undefined,
  policy: ApprovalPolicy,
  kind: string,
  requestedAt: string,
): string {
  const days = kind === 'patient-access' ? Math.min(policy.reviewDays, PATIENT_ACCESS_DAYS) : policy.reviewDays;
  const due = businessDaysAfter(requestedAt, days, policy);
  const running = reviewBefore(state, requestedAt)?.dueAt ?? due;
  return Date.parse(running) < Date.parse(due) ? running : due;
}

/** How many different reviewers must say yes: the most that the policy or any rule that meets a scope asks for. */
function approvalsNeeded(policy: ApprovalPolicy, scopes: readonly string[]): number {
  const met = policy.rules.filter((rule) => scopes.some((scope) => overlap(scope, rule.scope)));
  return Math.max(policy.approvals, ...met.map((rule) => rule.approvals));
}

function approvesByItself(policy: ApprovalPolicy, kind: string, scopes: readonly string[]): boolean {
  if (scopes.length === 0) return false;
  return policy.autoApprove.some((rule) => rule.kind === kind && widerThan(scopes, rule.scopes, '').length === 0);
}
