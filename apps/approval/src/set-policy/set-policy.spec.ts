import { POLICY_ID, type ApprovalCommand } from '#contracts';
import { approvalDecider } from '../approval.decider.js';
import { addressed, given, openReview, reviewOpened, when } from '../scenario.arbitrary.js';
import { defaultPolicy } from './set-policy.decider.js';

const policy = { ...defaultPolicy, approvals: 2, rules: [{ scope: 'system/*.cruds', approvals: 3 }] };
const setPolicy = (over: Partial<typeof policy> = {}): ApprovalCommand => ({
  type: 'set-policy',
  data: { policy: { ...policy, ...over } },
});

describe('set-policy', () => {
  it('sets the policy, over the default or over another', () => {
    const set = { type: 'policy-set' as const, data: { policy } };
    expect(when(given(), setPolicy())).toEqual([set]);
    expect(when(given({ type: 'policy-set', data: { policy: defaultPolicy } }), setPolicy())).toEqual([set]);
    const state = given(set);
    expect(state && approvalDecider.view(state, 1)).toEqual({ ...policy, version: 1 });
  });

  it('points at every scope that is none', () => {
    const command = setPolicy({
      rules: [
        { scope: 'patient/*.rs', approvals: 2 },
        { scope: 'patient/All.rs', approvals: 2 },
      ],
      autoApprove: [{ kind: 'backend', scopes: ['system/Patient.rs', 'system/Patient.sr'] }],
    });
    expect(approvalDecider.decide(undefined, addressed(command))).toMatchObject({
      kind: 'refused',
      refusal: {
        status: 422,
        type: 'invalid-scope',
        errors: [{ pointer: '/rules/1/scope' }, { pointer: '/autoApprove/0/scopes/1' }],
      },
    });
  });

  it('keeps the policy and applications apart', () => {
    const misaddressed = { kind: 'refused', refusal: { type: 'misaddressed' } };
    const open = addressed(openReview());
    expect(approvalDecider.decide(undefined, { ...open, meta: { ...open.meta, subject: POLICY_ID } })).toMatchObject(
      misaddressed,
    );
    const set = addressed(setPolicy());
    expect(
      approvalDecider.decide(given(reviewOpened()), { ...set, meta: { ...set.meta, subject: open.meta.subject } }),
    ).toMatchObject(misaddressed);
  });
});
