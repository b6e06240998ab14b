import {
  accept,
  type Addressed,
  type ApprovalCommand,
  type ApprovalEvent,
  type ApprovalPolicy,
  type Decision,
} from '#contracts';
import { againstRule } from '../domain/refusals.js';
import { scopeFaults } from '../domain/scope-texts.js';

type SetPolicy = Addressed<Extract<ApprovalCommand, { readonly type: 'set-policy' }>>;

/**
 * In force until an operator sets another, as version 0: one reviewer, nothing without one, five business
 * days (45 CFR 170.404(b)(1)(ii)), a year.
 */
export const defaultPolicy: ApprovalPolicy = {
  approvals: 1,
  rules: [],
  autoApprove: [],
  reviewDays: 5,
  maximumApprovalDays: 365,
};

/** Sets the policy for reviews opened from now on; those that are open keep the one they were opened under. */
export function setPolicy(command: SetPolicy): Decision<ApprovalEvent> {
  const { policy } = command.data;
  const faults = [
    ...policy.rules.flatMap(({ scope }, index) =>
      scopeFaults([scope], '').map(({ detail }) => ({ pointer: `/rules/${index}/scope`, detail })),
    ),
    ...policy.autoApprove.flatMap(({ scopes }, index) => scopeFaults(scopes, `/autoApprove/${index}/scopes`)),
  ];
  if (faults.length > 0) {
    return againstRule('invalid-scope', 'Not a scope', 'Some scopes are not of SMART App Launch.', faults);
  }
  return accept({ type: 'policy-set', data: { policy } });
}

/** The policy as its resource shows it. */
export function viewPolicy(policy: ApprovalPolicy, version: number) {
  return { ...policy, version };
}
