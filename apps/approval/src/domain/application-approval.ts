import type { CallLimits, ApprovalEvent, ApprovalPolicy, Recorded } from '#contracts';

/** One reviewer's yes. */
export interface Endorsement {
  readonly reviewerId: string;
  readonly scopes: readonly string[];
  readonly expiresAt: string;
  readonly conditions: readonly string[];
  readonly endpoints: readonly string[];
  readonly limits?: CallLimits;
}

/** How a review ended. */
export interface Verdict {
  readonly decision: 'approve' | 'reject' | 'request-changes';
  /** Who decided; nobody when the policy approves by itself. */
  readonly reviewerIds: readonly string[];
  readonly reason: string;
  readonly decidedAt: string;
}

export type ReviewStatus = 'pending' | 'approved' | 'rejected' | 'changes-requested' | 'withdrawn';

/** The review of an application's latest submission. */
export interface Review {
  readonly id: string;
  readonly submission: number;
  readonly status: ReviewStatus;
  readonly ownerId: string;
  readonly name: string;
  readonly kind: string;
  readonly requestedScopes: readonly string[];
  readonly comment?: string;
  readonly policyVersion: number;
  readonly approvalsNeeded: number;
  readonly maximumApprovalDays: number;
  readonly openedAt: string;
  /** When the request was first made. Submissions that go on with it, changed, are reviewed by the same clock. */
  readonly requestedAt: string;
  readonly dueAt: string;
  readonly breachedAt?: string;
  readonly endorsements: readonly Endorsement[];
  readonly verdict?: Verdict;
}

/** What an application may do, and until when, as approval alone says. */
export interface Approval {
  readonly version: number;
  readonly submission: number;
  readonly scopes: readonly string[];
  readonly expiresAt: string;
  readonly conditions: readonly string[];
  readonly endpoints: readonly string[];
  readonly limits?: CallLimits;
  readonly expired: boolean;
}

/** The aggregate: one application before its reviewers. */
export interface ApplicationApproval {
  readonly kind: 'application';
  readonly applicationId: string;
  readonly review: Review;
  readonly approval?: Approval;
  /** Campaign items that have narrowed an approval: an item does so once, for ever. */
  readonly narrowedBy: readonly string[];
}

/** The policy's aggregate; it lives under `POLICY_ID`. */
export interface PolicyState {
  readonly kind: 'policy';
  readonly policy: ApprovalPolicy;
}

export type ApprovalState = ApplicationApproval | PolicyState;

/** An event of an application's aggregate, which is every event but the policy's. */
export type ApplicationEvent = Exclude<ApprovalEvent, { readonly type: 'policy-set' }>;

/** @throws Error when the log begins an application with anything but its first review */
export function evolveApplication(
  state: ApplicationApproval | undefined,
  event: Recorded<ApplicationEvent>,
): ApplicationApproval {
  if (event.type === 'review-opened') return opened(state, event);
  if (state === undefined) throw new Error(`${event.type} before any review of ${event.meta.subject}`);
  const { review } = state;
  const verdict = (decision: Verdict['decision'], reviewerIds: readonly string[], reason: string): Verdict => ({
    decision,
    reviewerIds,
    reason,
    decidedAt: event.meta.time,
  });
  switch (event.type) {
    case 'review-endorsed': {
      const { reviewId: _, reason: __, ...endorsement } = event.data;
      return { ...state, review: { ...review, endorsements: [...review.endorsements, endorsement] } };
    }
    case 'review-approved': {
      const { approvalVersion: version, submission, scopes, expiresAt, conditions, endpoints, limits } = event.data;
      return {
        ...state,
        review: {
          ...review,
          status: 'approved',
          verdict: verdict('approve', event.data.reviewerIds, event.data.reason),
        },
        approval: {
          version,
          submission,
          scopes,
          expiresAt,
          conditions,
          endpoints,
          ...(limits === undefined ? {} : { limits }),
          expired: false,
        },
      };
    }
    case 'review-rejected':
      return {
        ...state,
        review: {
          ...review,
          status: 'rejected',
          verdict: verdict('reject', [event.data.reviewerId], event.data.reason),
        },
      };
    case 'review-changes-requested':
      return {
        ...state,
        review: {
          ...review,
          status: 'changes-requested',
          verdict: verdict('request-changes', [event.data.reviewerId], event.data.reason),
        },
      };
    case 'review-withdrawn':
      return { ...state, review: { ...review, status: 'withdrawn' } };
    case 'review-clock-breached':
      return { ...state, review: { ...review, breachedAt: event.meta.time } };
    case 'approval-narrowed': {
      const { approvalVersion: version, scopes, itemId } = event.data;
      return {
        ...state,
        ...(state.approval === undefined ? {} : { approval: { ...state.approval, version, scopes } }),
        narrowedBy: [...state.narrowedBy, itemId],
      };
    }
    case 'approval-expired':
      return state.approval === undefined ? state : { ...state, approval: { ...state.approval, expired: true } };
    default:
      return event satisfies never;
  }
}

/** The last review of the same request, which a later form of it goes on with; none where that was decided. */
export function reviewBefore(state: ApplicationApproval | undefined, requestedAt: string): Review | undefined {
  const decided = state?.review.status === 'approved' || state?.review.status === 'rejected';
  return state?.review.requestedAt === requestedAt && !decided ? state.review : undefined;
}

function opened(
  state: ApplicationApproval | undefined,
  event: Recorded<Extract<ApplicationEvent, { readonly type: 'review-opened' }>>,
): ApplicationApproval {
  const { reviewId, submission, ownerId, reviewed, comment, policyVersion, approvalsNeeded, ...clock } = event.data;
  const requestedAt = event.data.requestedAt ?? event.meta.time;
  const breachedAt = reviewBefore(state, requestedAt)?.breachedAt;
  return {
    narrowedBy: [],
    ...state,
    kind: 'application',
    applicationId: event.meta.subject,
    review: {
      id: reviewId,
      submission,
      status: 'pending',
      ownerId,
      name: reviewed.name,
      kind: reviewed.kind,
      requestedScopes: reviewed.scopes,
      ...(comment === undefined ? {} : { comment }),
      policyVersion,
      approvalsNeeded,
      ...clock,
      openedAt: event.meta.time,
      requestedAt,
      ...(breachedAt === undefined ? {} : { breachedAt }),
      endorsements: [],
    },
  };
}

/** A review as its resource shows it, without what is only read (declaration, history, what scopes expose). */
export interface ReviewView extends Omit<Review, 'status'> {
  readonly applicationId: string;
  readonly version: number;
  readonly status: ReviewStatus;
  /** Which reviewer's turn it is. */
  readonly stage: 'first-review' | 'further-review' | 'closed';
  /** What is approved for the application now, whichever review did it. */
  readonly approval?: Approval;
}

/** @param version the aggregate's, which `ETag` carries and `If-Match` is checked against */
export function viewReview(state: ApplicationApproval, version: number): ReviewView {
  const { review, approval } = state;
  const open = review.endorsements.length === 0 ? 'first-review' : 'further-review';
  return {
    ...review,
    applicationId: state.applicationId,
    version,
    stage: review.status === 'pending' ? open : 'closed',
    ...(approval === undefined ? {} : { approval }),
  };
}
