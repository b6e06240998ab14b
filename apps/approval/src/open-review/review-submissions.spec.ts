import { isId, partitionOf, type RegistrationEvent } from '#contracts';
import { applicationId, now, submission } from '../scenario.arbitrary.js';
import { defaultPolicy } from '../set-policy/set-policy.decider.js';
import { reviewSubmissions } from './review-submissions.reactor.js';

const reactor = reviewSubmissions(() => ({ policy: defaultPolicy, version: 4 }));
const meta = {
  id: 'e1',
  subject: applicationId,
  time: now,
  actor: 'a',
  correlationId: 'r',
  causationId: 'r',
  version: 2,
  commandOffset: 0n,
};
const { reviewId: _, ...submitted } = submission();
const react = (event: RegistrationEvent, id = 'e1') => reactor.react({ ...event, meta: { ...meta, id } });

it('opens a review under the policy in force, beside the application', () => {
  const [command] = react({ type: 'application-submitted', data: submitted });
  expect(command).toMatchObject({
    type: 'open-review',
    subject: applicationId,
    data: { ...submitted, requestedAt: now, policy: defaultPolicy, policyVersion: 4 },
  });
  const { reviewId = '' } = command?.type === 'open-review' ? command.data : {};
  expect(isId(reviewId)).toBe(true);
  expect(partitionOf(reviewId)).toBe(partitionOf(applicationId));
});

it('brings when a request was first made, of which this is a later form', () => {
  const requestedAt = '2026-02-01T09:00:00.000Z';
  expect(react({ type: 'application-submitted', data: { ...submitted, requestedAt } })).toMatchObject([
    { data: { requestedAt } },
  ]);
});

it('names the same review when it reacts again, and another for another submission', () => {
  const event = { type: 'application-submitted' as const, data: submitted };
  expect(react(event)).toEqual(react(event));
  expect(react(event)).not.toEqual(react(event, 'e2'));
});

it('closes the review of what was taken back, and any review of what was revoked', () => {
  expect(react({ type: 'application-withdrawn', data: { submission: 3 } })).toEqual([
    { type: 'withdraw-review', subject: applicationId, data: { submission: 3 } },
  ]);
  expect(react({ type: 'application-revoked', data: { reason: 'gone', epoch: 1 } })).toEqual([
    { type: 'withdraw-review', subject: applicationId, data: {} },
  ]);
});

it('reacts to nothing else', () => {
  expect(react({ type: 'application-suspended', data: { reason: 'pause', epoch: 1 } })).toEqual([]);
});
