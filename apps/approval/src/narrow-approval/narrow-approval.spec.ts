import type { ApprovalCommand, ApprovalEvent } from '#contracts';
import { decide, accepted, given, recorded, requested, reviewOpened, when } from '../scenario.arbitrary.js';
import { approvalDecider } from '../approval.decider.js';

const campaignId = '019c0000-0000-7000-8000-0000000c0000';
const item = (n: number) => `019c0000-0000-7000-8000-0000000d${n}000`;
const narrow = (scopes: string[], itemId = item(1)): ApprovalCommand => ({
  type: 'narrow-approval',
  data: { scopes, reason: 'unused', campaignId, itemId, decidedBy: 'reviewer-2' },
});
const events: readonly ApprovalEvent[] = [reviewOpened(), ...accepted(given(reviewOpened()), decide())];

describe('narrow-approval', () => {
  it('takes scopes away and counts as another approval, with the same end', () => {
    expect(when(given(...events), narrow(['patient/Observation.r']))).toEqual([
      {
        type: 'approval-narrowed',
        data: {
          approvalVersion: 2,
          submission: 1,
          scopes: ['patient/Observation.r'],
          expiresAt: '2027-03-02T09:00:00.000Z',
          endpoints: ['*'],
          reason: 'unused',
          campaignId,
          itemId: item(1),
          decidedBy: 'reviewer-2',
        },
      },
    ]);
  });

  it('keeps the limits', () => {
    const limits = { callsPerMinute: 60 };
    const limited = [reviewOpened(), ...accepted(given(reviewOpened()), decide({ limits }))];
    expect(when(given(...limited), narrow(['patient/Observation.r']))).toMatchObject([{ data: { limits } }]);
  });

  it('never widens: only what was approved stays', () => {
    expect(when(given(...events), narrow(['patient/*.cruds', 'system/*.rs']))).toMatchObject([
      { data: { scopes: ['patient/Observation.rs', 'patient/Patient.r'] } },
    ]);
  });

  it('changes nothing when all of it is kept', () => {
    expect(when(given(...events), narrow(requested))).toEqual([]);
  });

  it('is done once for an item, even after the application was approved again', () => {
    const [narrowed] = accepted(given(...events), narrow(['patient/Patient.r']));
    const again = reviewOpened({ submission: 2 });
    const state = given(
      ...events,
      ...(narrowed ? [narrowed] : []),
      again,
      ...accepted(given(...events, again), decide()),
    );
    expect(state).toMatchObject({ approval: { scopes: requested } });
    expect(when(state, narrow(['patient/Patient.r']))).toEqual([]);
    expect(when(state, narrow(['patient/Patient.r'], item(2)))).toHaveLength(1);
  });

  it('needs an approval in force', () => {
    expect(when(given(reviewOpened()), narrow([]))).toBe('409 no-approval');
    expect(when(given(), narrow([]))).toBe('404 not-found');
    const { scopes, expiresAt } = { scopes: requested, expiresAt: '2027-03-02T09:00:00.000Z' };
    const expired = given(...events, {
      type: 'approval-expired',
      data: { approvalVersion: 1, submission: 1, scopes, expiresAt },
    });
    expect(when(expired, narrow([]))).toBe('409 no-approval');
  });

  it('leaves a state that a snapshot can hold', () => {
    const state = given(...events, ...accepted(given(...events), narrow(['patient/Patient.r'])));
    expect(JSON.parse(JSON.stringify(state))).toEqual(state);
    expect(state && approvalDecider.evolve(state, recorded(reviewOpened({ submission: 2 }), 9))).toMatchObject({
      narrowedBy: [item(1)],
    });
  });
});
