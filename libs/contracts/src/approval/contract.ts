import { Type, type Static } from 'typebox';
import { defineContext, message, type CommandOf, type EventOf } from '../definition.js';
import { ReviewedMetadata } from '../registration/contract.js';
import { ApplicationKind, Id, Reason, Scope, Scopes, Time, VaultId } from '../vocabulary.js';

/** The id of the one aggregate that holds the approval policy; it lives in partition 0. */
export const POLICY_ID = 'policy';

const ScopeRule = Type.Object({
  /** A scope that this rule speaks of; it matches whatever shares an interaction with it. */
  scope: Scope,
  /** How many different reviewers must approve. */
  approvals: Type.Integer({ minimum: 1, maximum: 5 }),
});

/** Who must approve what, how long a review may take, and how long an approval lives. */
export const ApprovalPolicy = Type.Object({
  /** Reviewers who must approve when no rule asks for more. */
  approvals: Type.Integer({ minimum: 1, maximum: 5 }),
  rules: Type.Array(ScopeRule, { maxItems: 200 }),
  /** Kinds and scopes that are approved without a reviewer; none by default. */
  autoApprove: Type.Array(Type.Object({ kind: ApplicationKind, scopes: Scopes }), { maxItems: 50 }),
  /** Business days until a review is due, from the request on; those of patients' applications are due after five at most. */
  reviewDays: Type.Integer({ minimum: 1, maximum: 365 }),
  /** Dates that are no business days, besides Saturdays and Sundays. */
  holidays: Type.Optional(Type.Array(Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' }), { maxItems: 400 })),
  /** Where days begin and end, by its IANA name; UTC where absent. */
  timeZone: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
  /** The longest life of an approval, in days. */
  maximumApprovalDays: Type.Integer({ minimum: 1, maximum: 3650 }),
});
export type ApprovalPolicy = Static<typeof ApprovalPolicy>;

const Submission = Type.Object({
  reviewId: Id,
  submission: Type.Integer({ minimum: 1 }),
  ownerId: VaultId,
  reviewed: ReviewedMetadata,
  comment: Type.Optional(Type.String({ maxLength: 2000 })),
  /** When the request was first made, of which this submission may be a later form; its clock runs from then. */
  requestedAt: Type.Optional(Time),
});

const Conditions = Type.Array(Type.String({ minLength: 1, maxLength: 500 }), { maxItems: 20 });
/** Ids of the FHIR endpoints that an approval covers; `['*']` is all of them. */
const Endpoints = Type.Array(Type.String({ minLength: 1, maxLength: 100 }), { minItems: 1, maxItems: 100 });

/** What an application may call, at each enforcement point; what is absent has no limit here. */
export const CallLimits = Type.Object({
  callsPerMinute: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000_000 })),
  /** A day is one of UTC. */
  callsPerDay: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000_000_000 })),
  /** Under way at once. */
  concurrentCalls: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000 })),
});
export type CallLimits = Static<typeof CallLimits>;

/** Approval owns the scope review: who must approve, what was approved, narrower than asked, until when; and the policy. */
export const approval = defineContext({
  context: 'approval',
  commands: {
    'open-review': message(
      'Opens the review of a submission, brought by the reactor of registration.',
      Type.Object({ ...Submission.properties, policy: ApprovalPolicy, policyVersion: Type.Integer({ minimum: 0 }) }),
    ),
    'withdraw-review': message(
      'Closes the review of a withdrawn or revoked application.',
      Type.Object({ submission: Type.Optional(Type.Integer()) }),
    ),
    'decide-review': message(
      'A reviewer decides.',
      Type.Object({
        reviewId: Id,
        decision: Type.Union([Type.Literal('approve'), Type.Literal('reject'), Type.Literal('request-changes')]),
        scopes: Type.Optional(Scopes),
        expiresAt: Type.Optional(Time),
        conditions: Conditions,
        endpoints: Type.Optional(Endpoints),
        limits: Type.Optional(CallLimits),
        reason: Reason,
        /** Who owns the application now, as the edge knows it: it may have changed since the submission. */
        ownerId: Type.Optional(VaultId),
        /** Ids of the FHIR endpoints that are served, as the edge knows them; absent where it does not. */
        servedEndpoints: Type.Optional(Endpoints),
      }),
    ),
    'narrow-approval': message(
      'Takes scopes away from an approval, brought by the reactor of review.',
      Type.Object({ scopes: Scopes, reason: Reason, campaignId: Id, itemId: Id, decidedBy: VaultId }),
    ),
    'expire-approval': message(
      'The timer of an approval has run out.',
      Type.Object({ approvalVersion: Type.Integer(), dueAt: Time }),
    ),
    'breach-review-clock': message('The timer of a review has run out.', Type.Object({ reviewId: Id, dueAt: Time })),
    'set-policy': message('Sets the approval policy.', Type.Object({ policy: ApprovalPolicy })),
  },
  events: {
    'review-opened': message(
      'A submission waits for review under a policy.',
      Type.Object({
        ...Submission.properties,
        policyVersion: Type.Integer(),
        approvalsNeeded: Type.Integer({ minimum: 1 }),
        maximumApprovalDays: Type.Integer(),
        dueAt: Time,
      }),
    ),
    'review-endorsed': message(
      'A reviewer approved, and another must still do so (four eyes).',
      Type.Object({
        reviewId: Id,
        reviewerId: VaultId,
        scopes: Scopes,
        expiresAt: Time,
        conditions: Conditions,
        endpoints: Endpoints,
        limits: Type.Optional(CallLimits),
        reason: Reason,
      }),
    ),
    'review-approved': message(
      'Approved: these scopes, narrower than asked or equal, until then.',
      Type.Object({
        reviewId: Id,
        submission: Type.Integer(),
        /** Counts the approvals of this application from 1; tokens carry it. */
        approvalVersion: Type.Integer({ minimum: 1 }),
        reviewerIds: Type.Array(VaultId),
        scopes: Scopes,
        expiresAt: Time,
        conditions: Conditions,
        endpoints: Endpoints,
        limits: Type.Optional(CallLimits),
        reason: Reason,
      }),
    ),
    'review-rejected': message(
      'Rejected.',
      Type.Object({ reviewId: Id, submission: Type.Integer(), reviewerId: VaultId, reason: Reason }),
    ),
    'review-changes-requested': message(
      'The developer is asked to change the application and submit again.',
      Type.Object({ reviewId: Id, submission: Type.Integer(), reviewerId: VaultId, reason: Reason }),
    ),
    'review-withdrawn': message(
      'The review was closed without a decision.',
      Type.Object({ reviewId: Id, submission: Type.Integer() }),
    ),
    'review-clock-breached': message('A review was not decided in time.', Type.Object({ reviewId: Id, dueAt: Time })),
    'approval-narrowed': message(
      'Scopes were taken away from the approval. Tokens already issued are narrowed at once.',
      Type.Object({
        approvalVersion: Type.Integer(),
        submission: Type.Integer(),
        scopes: Scopes,
        expiresAt: Time,
        endpoints: Endpoints,
        limits: Type.Optional(CallLimits),
        reason: Reason,
        campaignId: Id,
        itemId: Id,
        decidedBy: VaultId,
      }),
    ),
    'approval-expired': message(
      'The approval has reached its end.',
      Type.Object({ approvalVersion: Type.Integer(), submission: Type.Integer(), scopes: Scopes, expiresAt: Time }),
    ),
    'policy-set': message('The approval policy was set.', Type.Object({ policy: ApprovalPolicy })),
  },
});

export type ApprovalCommand = CommandOf<typeof approval>;
export type ApprovalEvent = EventOf<typeof approval>;
