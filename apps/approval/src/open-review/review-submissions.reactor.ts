import { approval, derivedIdBeside, registration, type ApprovalPolicy } from '#contracts';
import { defineReactor } from '#event-log';

/** The approval policy and its version, as of now. */
export interface PolicyInForce {
  readonly policy: ApprovalPolicy;
  readonly version: number;
}

/**
 * Opens the review of every submission, and closes it when the submission is taken back or the application revoked.
 * The decider never looks across, so the policy that is in force at that moment goes into the command.
 */
export function reviewSubmissions(inForce: () => PolicyInForce) {
  return defineReactor({
    name: 'approval-reviews-submissions',
    source: registration,
    target: approval,
    react(event) {
      const { subject, id, time } = event.meta;
      switch (event.type) {
        case 'application-submitted': {
          const { policy, version: policyVersion } = inForce();
          const reviewId = derivedIdBeside(subject, id, Date.parse(time));
          const requestedAt = event.data.requestedAt ?? time;
          return [
            { type: 'open-review', subject, data: { ...event.data, requestedAt, reviewId, policy, policyVersion } },
          ];
        }
        case 'application-withdrawn':
          return [{ type: 'withdraw-review', subject, data: { submission: event.data.submission } }];
        case 'application-revoked':
          return [{ type: 'withdraw-review', subject, data: {} }];
        default:
          return []; // what is not about a review
      }
    },
  });
}
