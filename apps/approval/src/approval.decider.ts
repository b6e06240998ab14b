import {
  POLICY_ID,
  approval,
  refuse,
  type Addressed,
  type ApprovalCommand,
  type ApprovalEvent,
  type Decider,
  type Decision,
} from '#contracts';
import { decideReview } from './decide-review/decide-review.decider.js';
import {
  evolveApplication,
  viewReview,
  type ApplicationApproval,
  type ApprovalState,
} from './domain/application-approval.js';
import { noSuchReview } from './domain/refusals.js';
import { breachReviewClock, expireApproval } from './keep-clocks/keep-clocks.decider.js';
import { narrowApproval } from './narrow-approval/narrow-approval.decider.js';
import { openReview } from './open-review/open-review.decider.js';
import { setPolicy, viewPolicy } from './set-policy/set-policy.decider.js';
import { withdrawReview } from './withdraw-review/withdraw-review.decider.js';

/** Approval decides here: the policy under its own id, an application's reviews under the application's. */
export const approvalDecider: Decider<typeof approval, ApprovalState> = {
  contract: approval,
  version: 2,
  decide(state, command) {
    const ofPolicy = command.meta.subject === POLICY_ID;
    if (ofPolicy !== (command.type === 'set-policy')) return misaddressed(command);
    if (command.type === 'set-policy') return setPolicy(command);
    if (state?.kind === 'policy') return misaddressed(command);
    return decideApplication(state, command);
  },
  evolve(state, event) {
    if (event.type === 'policy-set') return { kind: 'policy', policy: event.data.policy };
    if (state?.kind === 'policy') throw new Error(`${event.type} among the events of the policy`);
    return evolveApplication(state, event);
  },
  view(state, version) {
    return state.kind === 'policy' ? viewPolicy(state.policy, version) : viewReview(state, version);
  },
};

function decideApplication(
  state: ApplicationApproval | undefined,
  command: Addressed<Exclude<ApprovalCommand, { readonly type: 'set-policy' }>>,
): Decision<ApprovalEvent> {
  if (command.type === 'open-review') return openReview(state, command);
  if (state === undefined) return noSuchReview();
  switch (command.type) {
    case 'decide-review':
      return decideReview(state, command);
    case 'withdraw-review':
      return withdrawReview(state, command);
    case 'narrow-approval':
      return narrowApproval(state, command);
    case 'expire-approval':
      return expireApproval(state, command);
    case 'breach-review-clock':
      return breachReviewClock(state, command);
    default:
      return command satisfies never;
  }
}

function misaddressed(command: Addressed<ApprovalCommand>) {
  return refuse({
    status: 422,
    type: 'misaddressed',
    title: 'Sent to the wrong aggregate',
    detail: `${command.type} is not for ${command.meta.subject}.`,
  });
}
