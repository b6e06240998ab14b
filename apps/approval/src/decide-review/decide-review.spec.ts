import { parseScope, isNarrowerOrEqual, type Scope } from '#smart';
import fc from 'fast-check';
import { approvalDecider } from '../approval.decider.js';
import {
  accepted,
  addressed,
  decide,
  given,
  now,
  recorded,
  requested,
  reviewId,
  reviewOpened,
  submission,
  when,
} from '../scenario.arbitrary.js';
import type { ApprovalEvent } from '#contracts';

const yearLater = '2027-03-02T09:00:00.000Z';

const approved = (over: object = {}) => ({
  type: 'review-approved',
  data: {
    reviewId,
    submission: 1,
    approvalVersion: 1,
    reviewerIds: ['reviewer-1'],
    scopes: requested,
    expiresAt: yearLater,
    conditions: [],
    endpoints: ['*'],
    reason: 'fits its purpose',
    ...over,
  },
});

const endorsed: ApprovalEvent = {
  type: 'review-endorsed',
  data: {
    reviewId,
    reviewerId: 'reviewer-1',
    scopes: ['patient/Observation.rs', 'launch/patient'],
    expiresAt: '2026-06-01T00:00:00.000Z',
    conditions: ['no export'],
    endpoints: ['*'],
    reason: 'fits',
  },
};

describe('approve', () => {
  it('approves what was asked, for the longest life, when the reviewer names neither', () => {
    expect(when(given(reviewOpened()), decide())).toEqual([approved()]);
  });

  it('approves with limits, and of each limit the lowest that a reviewer set', () => {
    const limits = { callsPerMinute: 600, concurrentCalls: 8 };
    expect(when(given(reviewOpened()), decide({ limits }))).toEqual([approved({ limits })]);
    const first: ApprovalEvent = { ...endorsed, data: { ...endorsed.data, scopes: requested, limits } };
    const second = decide({ limits: { callsPerMinute: 60_000, callsPerDay: 1_000, concurrentCalls: 2 } });
    expect(when(given(reviewOpened({ approvalsNeeded: 2 }), first), second, { actor: 'reviewer-2' })).toMatchObject([
      { data: { limits: { callsPerMinute: 600, callsPerDay: 1_000, concurrentCalls: 2 } } },
    ]);
  });

  it('covers all endpoints, those to come too, unless it names some', () => {
    const [{ data }] = when(given(reviewOpened()), decide({})) as [Extract<ApprovalEvent, { type: 'review-approved' }>];
    expect(data.endpoints).toEqual(['*']);
    const [some] = when(given(reviewOpened()), decide({ endpoints: ['north'] }));
    expect(some).toMatchObject({ data: { endpoints: ['north'] } });
  });

  it('approves narrower, shorter, under conditions and for some endpoints', () => {
    const terms = {
      scopes: ['patient/Observation.rs?category=laboratory'],
      conditions: ['no export'],
      endpoints: ['north'],
    };
    expect(when(given(reviewOpened()), decide({ ...terms, expiresAt: '2026-06-01T00:00:00Z' }))).toEqual([
      approved({ ...terms, expiresAt: '2026-06-01T00:00:00.000Z' }),
    ]);
  });

  it('points at each scope that allows more than was asked', () => {
    const scopes = [
      'patient/Patient.r',
      'patient/Observation.cruds',
      'patient/*.r',
      'system/Patient.r',
      'offline_access',
    ];
    const decision = approvalDecider.decide(given(reviewOpened()), addressed(decide({ scopes })));
    expect(decision).toMatchObject({
      kind: 'refused',
      refusal: {
        status: 422,
        type: 'wider-than-asked',
        errors: ['/scopes/1', '/scopes/2', '/scopes/3', '/scopes/4'].map((pointer) => ({
          pointer,
          detail: expect.stringContaining('more than was asked') as string,
        })),
      },
    });
  });

  it.each([
    ['a scope that is none', { scopes: ['patient/Observation.sr'] }, '422 invalid-scope'],
    ['a scope twice', { scopes: ['patient/Patient.r', 'patient/Patient.r'] }, '422 invalid-scope'],
    ['nothing', { scopes: [] }, '422 nothing-approved'],
    ['an end that has come', { expiresAt: now }, '422 expiry-in-the-past'],
    ['an end past the longest life', { expiresAt: '2027-03-02T09:00:00.001Z' }, '422 expiry-too-late'],
  ])('refuses %s', (_, over, refusal) => {
    expect(when(given(reviewOpened()), decide(over))).toBe(refusal);
  });

  it('points at each endpoint that is not served, where it is known which are', () => {
    const servedEndpoints = ['north', 'south'];
    const asked = decide({ endpoints: ['south', 'nroth', '*', 'west'], servedEndpoints });
    expect(approvalDecider.decide(given(reviewOpened()), addressed(asked))).toMatchObject({
      kind: 'refused',
      refusal: {
        status: 422,
        type: 'unknown-endpoint',
        errors: [{ pointer: '/endpoints/1' }, { pointer: '/endpoints/3' }],
      },
    });
    const endpoints = ['south'];
    expect(when(given(reviewOpened()), decide({ endpoints, servedEndpoints }))).toEqual([approved({ endpoints })]);
    expect(when(given(reviewOpened()), decide({ servedEndpoints }))).toEqual([approved()]);
    const unknown = ['west'];
    expect(when(given(reviewOpened()), decide({ endpoints: unknown }))).toEqual([approved({ endpoints: unknown })]);
  });

  it('lets an approval last to the last instant that the policy allows', () => {
    expect(when(given(reviewOpened()), decide({ expiresAt: yearLater }))).toEqual([approved()]);
  });

  it('counts the approvals of an application', () => {
    const state = given(reviewOpened(), ...accepted(given(reviewOpened()), decide()), reviewOpened({ submission: 2 }));
    expect(when(state, decide())).toEqual([approved({ submission: 2, approvalVersion: 2 })]);
  });
});

describe('who decides', () => {
  it.each(['approve', 'reject', 'request-changes'] as const)('is never the owner: %s', (decision) => {
    expect(when(given(reviewOpened()), decide({ decision }), { actor: 'owner' })).toBe('403 own-application');
  });

  it('is not who owns it since the submission either', () => {
    expect(when(given(reviewOpened()), decide({ ownerId: 'new-owner' }), { actor: 'new-owner' })).toBe(
      '403 own-application',
    );
    expect(when(given(reviewOpened()), decide({ ownerId: 'new-owner' }), { actor: 'owner' })).toBe(
      '403 own-application',
    );
  });

  it('finds no review where none was opened', () => {
    expect(when(given(), decide())).toBe('404 not-found');
  });
});

describe('reject and request-changes', () => {
  const data = { reviewId, submission: 1, reviewerId: 'reviewer-1', reason: 'too much' };

  it('close the review', () => {
    const state = given(reviewOpened());
    expect(when(state, decide({ decision: 'reject', reason: 'too much' }))).toEqual([
      { type: 'review-rejected', data },
    ]);
    expect(when(state, decide({ decision: 'request-changes', reason: 'too much' }))).toEqual([
      { type: 'review-changes-requested', data },
    ]);
  });

  it('close it although another has approved', () => {
    const state = given(reviewOpened({ approvalsNeeded: 2 }), endorsed);
    expect(when(state, decide({ decision: 'reject', reason: 'too much' }))).toEqual([
      { type: 'review-rejected', data },
    ]);
  });

  it.each([
    { scopes: requested },
    { expiresAt: yearLater },
    { conditions: ['none'] },
    { endpoints: ['north'] },
    { limits: { callsPerDay: 1 } },
  ])('take nothing that belongs to an approval: %j', (over) => {
    expect(when(given(reviewOpened()), decide({ decision: 'reject', ...over }))).toBe('422 only-with-approve');
  });

  it('leave an earlier approval as it stands', () => {
    const first = given(reviewOpened(), ...accepted(given(reviewOpened()), decide()), reviewOpened({ submission: 2 }));
    const [rejection] = accepted(first, decide({ decision: 'reject' }));
    const state = first && rejection && approvalDecider.evolve(first, recorded(rejection, 4));
    expect(state).toMatchObject({
      review: { status: 'rejected' },
      approval: { version: 1, scopes: requested, expired: false },
    });
  });
});

describe('a closed review', () => {
  const closings: readonly (readonly ApprovalEvent[])[] = [
    accepted(given(reviewOpened()), decide()),
    accepted(given(reviewOpened()), decide({ decision: 'reject' })),
    accepted(given(reviewOpened()), decide({ decision: 'request-changes' })),
    [{ type: 'review-withdrawn', data: { reviewId, submission: 1 } }],
  ];

  it.each(closings)('is not decided again', (closing) => {
    expect(when(given(reviewOpened(), closing), decide(), { actor: 'reviewer-2' })).toBe('409 already-decided');
  });

  it('is also that of an earlier submission', () => {
    const state = given(
      reviewOpened(),
      reviewOpened({ submission: 2, reviewId: '019c0000-0000-7000-8000-0000000b0003' }),
    );
    expect(when(state, decide())).toBe('409 already-decided');
  });
});

describe('four eyes', () => {
  const waiting = given(reviewOpened({ approvalsNeeded: 2 }), endorsed);

  it('keeps the first yes as an endorsement', () => {
    expect(when(given(reviewOpened({ approvalsNeeded: 2 })), decide())).toEqual([
      {
        type: 'review-endorsed',
        data: expect.objectContaining({ reviewerId: 'reviewer-1', scopes: requested, expiresAt: yearLater }),
      },
    ]);
    expect(waiting && approvalDecider.view(waiting, 2)).toMatchObject({ status: 'pending', stage: 'further-review' });
  });

  it('takes no second yes of the same reviewer', () => {
    expect(when(waiting, decide())).toBe('409 already-endorsed');
  });

  it('approves what both approved, until the earlier end, under the conditions of both', () => {
    const second = decide({
      scopes: ['patient/Observation.r', 'patient/Patient.r'],
      conditions: ['yearly report'],
      endpoints: ['north'],
    });
    expect(when(waiting, second, { actor: 'reviewer-2' })).toEqual([
      approved({
        reviewerIds: ['reviewer-1', 'reviewer-2'],
        scopes: ['patient/Observation.r'],
        expiresAt: '2026-06-01T00:00:00.000Z',
        conditions: ['no export', 'yearly report'],
        endpoints: ['north'],
      }),
    ]);
  });

  it('does not count the yes of a reviewer who owns the application since', () => {
    const second = decide({ ownerId: 'reviewer-1' });
    expect(when(waiting, second, { actor: 'reviewer-2' })).toMatchObject([{ type: 'review-endorsed' }]);
    const both = given(
      reviewOpened({ approvalsNeeded: 2 }),
      endorsed,
      ...accepted(waiting, second, { actor: 'reviewer-2' }),
    );
    expect(when(both, second, { actor: 'reviewer-3' })).toMatchObject([
      { type: 'review-approved', data: { reviewerIds: ['reviewer-2', 'reviewer-3'], scopes: requested } },
    ]);
  });

  it('refuses a yes that shares nothing with the one before', () => {
    expect(when(waiting, decide({ scopes: ['patient/Patient.r'] }), { actor: 'reviewer-2' })).toBe(
      '422 nothing-in-common',
    );
  });

  it('does not approve until an end that has passed meanwhile', () => {
    const late = { actor: 'reviewer-2', time: '2026-06-01T00:00:00.000Z' };
    expect(when(waiting, decide(), late)).toBe('409 endorsement-lapsed');
  });
});

describe('properties', () => {
  const scope = fc
    .tuple(
      fc.constantFrom('patient', 'user', 'system'),
      fc.constantFrom('*', 'Observation', 'Patient', 'Condition'),
      fc.subarray(['c', 'r', 'u', 'd', 's'], { minLength: 1 }),
    )
    .map(([context, type, letters]) => `${context}/${type}.${letters.join('')}`);
  const scopes = fc.uniqueArray(
    fc.oneof({ weight: 5, arbitrary: scope }, fc.constantFrom('openid', 'patient/*.read', 'junk')),
    { maxLength: 4 },
  );
  const day = fc.integer({ min: -2, max: 400 });
  const decision = fc.record({
    reviewer: fc.constantFrom('owner', 'reviewer-1', 'reviewer-2', 'reviewer-3'),
    scopes: fc.option(scopes, { nil: undefined }),
    day: fc.option(day, { nil: undefined }),
    verdict: fc.constantFrom('approve', 'approve', 'approve', 'reject'),
  });
  const parsed = (texts: readonly string[]): readonly Scope[] =>
    texts.flatMap((text) => {
      const one = parseScope(text);
      return one.ok ? [one.scope] : [];
    });

  it('whatever reviewers do, an approval is never wider, longer, the owner’s own, or short of a reviewer', () => {
    let approvals = 0;
    fc.assert(
      fc.property(
        scopes,
        fc.integer({ min: 1, max: 3 }),
        fc.array(decision, { maxLength: 8 }),
        (asked, approvalsNeeded, decisions) => {
          let state = given(reviewOpened({ ...submission(asked), approvalsNeeded }));
          for (const { reviewer, scopes: some, day: days, verdict } of decisions) {
            const expiresAt =
              days === undefined ? undefined : new Date(Date.parse(now) + days * 86_400_000).toISOString();
            const terms = { ...(some && { scopes: some }), ...(expiresAt && { expiresAt }) };
            const events = when(state, decide({ decision: verdict === 'reject' ? 'reject' : 'approve', ...terms }), {
              actor: reviewer,
            });
            if (typeof events === 'string') continue;
            for (const event of events) {
              state = approvalDecider.evolve(state, recorded(event, 2));
              if (event.type !== 'review-approved') continue;
              approvals += 1;
              const { data } = event;
              expect(data.scopes.length).toBe(parsed(data.scopes).length);
              expect(isNarrowerOrEqual(parsed(data.scopes), parsed(asked))).toBe(true);
              if (some) expect(isNarrowerOrEqual(parsed(data.scopes), parsed(some))).toBe(true);
              expect(new Set(data.reviewerIds).size).toBe(approvalsNeeded);
              expect(data.reviewerIds).not.toContain('owner');
              expect(Date.parse(data.expiresAt)).toBeGreaterThan(Date.parse(now));
              expect(Date.parse(data.expiresAt)).toBeLessThanOrEqual(Date.parse(yearLater));
            }
          }
        },
      ),
      { numRuns: 500 },
    );
    expect(approvals).toBeGreaterThan(0);
  });
});
