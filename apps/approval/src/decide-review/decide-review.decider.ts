import {
  accept,
  type Addressed,
  type ApprovalCommand,
  type ApprovalEvent,
  type CallLimits,
  type Decision,
} from '#contracts';
import type { ApplicationApproval, Endorsement } from '../domain/application-approval.js';
import { daysAfter, hasCome } from '../domain/days.js';
import { againstRule, conflict, noSuchReview, ownApplication } from '../domain/refusals.js';
import { inCommon, scopeFaults, widerThan } from '../domain/scope-texts.js';

type DecideReview = Addressed<Extract<ApprovalCommand, { readonly type: 'decide-review' }>>;

/**
 * A reviewer decides: refused for the owner (403), on a review that is closed (409), twice by one reviewer (409), and
 * for more than was asked, for longer than the policy allows, or for an endpoint that is not served (422). With four eyes every yes but the last is an
 * endorsement; what is then approved is what all of them approved, until the earliest of their ends.
 */
export function decideReview(state: ApplicationApproval | undefined, command: DecideReview): Decision<ApprovalEvent> {
  if (state === undefined) return noSuchReview();
  const { review } = state;
  const { data, meta } = command;
  if (meta.actor === review.ownerId || meta.actor === data.ownerId) return ownApplication();
  if (data.reviewId !== review.id || review.status !== 'pending') {
    return conflict('already-decided', 'Already decided', 'This review is closed; read it to see how it ended.');
  }
  switch (data.decision) {
    case 'approve':
      return approve(state, command);
    case 'reject':
      return closing(command) ?? accept({ type: 'review-rejected', data: closed(state, command) });
    case 'request-changes':
      return closing(command) ?? accept({ type: 'review-changes-requested', data: closed(state, command) });
    default:
      return data.decision satisfies never;
  }
}

/** Scopes, an end, conditions, endpoints or limits beside a no are a mistake that must not pass as a no. */
function closing({ data }: DecideReview) {
  const given = (['scopes', 'expiresAt', 'endpoints', 'limits'] as const).filter((name) => data[name] !== undefined);
  const names = [...given, ...(data.conditions.length > 0 ? (['conditions'] as const) : [])];
  if (names.length === 0) return undefined;
  return againstRule(
    'only-with-approve',
    'Only with approve',
    `${names.join(', ')} belong to the decision approve alone.`,
    names.map((name) => ({ pointer: `/${name}`, detail: 'only with the decision approve' })),
  );
}

function closed({ review }: ApplicationApproval, { data, meta }: DecideReview) {
  return { reviewId: review.id, submission: review.submission, reviewerId: meta.actor, reason: data.reason };
}

function approve(state: ApplicationApproval, command: DecideReview): Decision<ApprovalEvent> {
  const { review } = state;
  const { data, meta } = command;
  if (review.endorsements.some(({ reviewerId }) => reviewerId === meta.actor)) {
    return conflict('already-endorsed', 'Already approved by you', 'Another reviewer must approve as well.');
  }
  const latest = daysAfter(meta.time, review.maximumApprovalDays);
  const own: Endorsement = {
    reviewerId: meta.actor,
    scopes: data.scopes ?? review.requestedScopes,
    expiresAt: data.expiresAt === undefined ? latest : new Date(data.expiresAt).toISOString(),
    conditions: data.conditions,
    endpoints: data.endpoints ?? ['*'],
    ...(data.limits === undefined ? {} : { limits: data.limits }),
  };
  const faults = faultOf(own, review.requestedScopes, meta.time, latest) ?? notServed(own, data.servedEndpoints);
  if (faults !== undefined) return faults;

  const { reason } = data;
  // The yes of who was given the application since does not count: nobody approves an application of their own.
  const standing = review.endorsements.filter(({ reviewerId }) => reviewerId !== data.ownerId);
  if (standing.length + 1 < review.approvalsNeeded) {
    return accept({ type: 'review-endorsed', data: { ...mutable(own), reviewId: review.id, reason } });
  }
  const agreed = agreement(review.requestedScopes, [...standing, own]);
  if (agreed.scopes.length === 0 || agreed.endpoints.length === 0) {
    return againstRule('nothing-in-common', 'Nothing in common', 'The approvals of the reviewers share nothing.', [
      {
        pointer: agreed.scopes.length === 0 ? '/scopes' : '/endpoints',
        detail: 'shares nothing with the other approvals',
      },
    ]);
  }
  if (hasCome(agreed.expiresAt, meta.time)) {
    return conflict('endorsement-lapsed', 'An approval has lapsed', 'The end that an earlier reviewer set has passed.');
  }
  return accept({
    type: 'review-approved',
    data: {
      ...agreed,
      reviewId: review.id,
      submission: review.submission,
      approvalVersion: (state.approval?.version ?? 0) + 1,
      reviewerIds: [...standing.map(({ reviewerId }) => reviewerId), meta.actor],
      reason,
    },
  });
}

function faultOf(own: Endorsement, requested: readonly string[], now: string, latest: string) {
  const unreadable = scopeFaults(own.scopes, '/scopes');
  if (unreadable.length > 0) {
    return againstRule('invalid-scope', 'Not a scope', 'Some scopes are not of SMART App Launch.', unreadable);
  }
  const wider = widerThan(own.scopes, requested, '/scopes');
  if (wider.length > 0) {
    return againstRule('wider-than-asked', 'Wider than asked', 'Approve what was asked for, or less.', wider);
  }
  if (own.scopes.length === 0) {
    return againstRule('nothing-approved', 'Nothing approved', 'To approve none of the scopes, reject.', [
      { pointer: '/scopes', detail: 'at least one scope' },
    ]);
  }
  if (hasCome(own.expiresAt, now)) {
    return againstRule('expiry-in-the-past', 'Expiry in the past', 'An approval must end in the future.', [
      { pointer: '/expiresAt', detail: `must be after ${now}` },
    ]);
  }
  if (!hasCome(own.expiresAt, latest)) {
    return againstRule('expiry-too-late', 'Expiry too late', 'The policy limits how long an approval lives.', [
      { pointer: '/expiresAt', detail: `must be at or before ${latest}` },
    ]);
  }
  return undefined;
}

/** An approval for an endpoint that nobody serves opens nothing, and would open whatever gets that name one day. */
function notServed({ endpoints }: Endorsement, served: readonly string[] | undefined) {
  const unknown = endpoints.flatMap((id, at) =>
    id === '*' || served === undefined || served.includes(id)
      ? []
      : [{ pointer: `/endpoints/${at}`, detail: `${id} is not one of the FHIR endpoints: ${served.join(', ')}` }],
  );
  if (unknown.length === 0) return undefined;
  return againstRule('unknown-endpoint', 'Unknown endpoint', 'Approve for FHIR endpoints that are served.', unknown);
}

/** What every reviewer said yes to. */
function agreement(requested: readonly string[], all: readonly Endorsement[]) {
  const [first, ...others] = all.map(({ scopes }) => scopes);
  const ends = all.map(({ expiresAt }) => expiresAt).sort((a, b) => Date.parse(a) - Date.parse(b));
  return {
    scopes: [...inCommon(first ?? requested, ...others)],
    expiresAt: ends[0] ?? '',
    conditions: [...new Set(all.flatMap(({ conditions }) => conditions))],
    endpoints: [...all.map(({ endpoints }) => endpoints).reduce(endpointsInCommon, ['*'])],
    ...limitsInCommon(all),
  };
}

/** Of each limit the lowest that any reviewer set. */
function limitsInCommon(all: readonly Endorsement[]): { limits?: CallLimits } {
  const set = all.flatMap(({ limits }) => Object.entries(limits ?? {}));
  if (set.length === 0) return {};
  const limits: Record<string, number> = {};
  for (const [name, value] of set) limits[name] = Math.min(value, limits[name] ?? Infinity);
  return { limits };
}

function endpointsInCommon(a: readonly string[], b: readonly string[]): readonly string[] {
  if (a.includes('*')) return b;
  return b.includes('*') ? a : a.filter((id) => b.includes(id));
}

/** Arrays of the contract's schema are mutable in type. */
function mutable({ scopes, conditions, endpoints, ...rest }: Endorsement) {
  return { ...rest, scopes: [...scopes], conditions: [...conditions], endpoints: [...endpoints] };
}
