import { POLICY_ID, type Addressed, type ApprovalCommand, type ApprovalEvent, type Recorded } from '#contracts';
import { approvalDecider } from './approval.decider.js';
import type { ApprovalState } from './domain/application-approval.js';
import { defaultPolicy } from './set-policy/set-policy.decider.js';

/** Given/when/then for approval's specs: events before, a command, what it makes of them. */

export const applicationId = '019c0000-0000-7000-8000-000000000003';
export const reviewId = '019c0000-0000-7000-8000-0000000a0003';
export const now = '2026-03-02T09:00:00.000Z';
/** Five business days after `now`, a Monday. */
export const dueAt = '2026-03-09T09:00:00.000Z';
export const requested = ['patient/Observation.rs', 'patient/Patient.r', 'launch/patient'];

/** A command as it stands in the log, at `now`, by a reviewer, unless told otherwise. */
export function addressed(
  command: ApprovalCommand,
  meta: { actor?: string; time?: string } = {},
): Addressed<ApprovalCommand> {
  return {
    ...command,
    meta: {
      id: 'c'.repeat(64),
      subject: command.type === 'set-policy' ? POLICY_ID : applicationId,
      actor: meta.actor ?? 'reviewer-1',
      time: meta.time ?? now,
      deadline: '2026-03-02T10:00:00.000Z',
      bodyDigest: '',
      correlationId: 'r',
      causationId: 'r',
    },
  };
}

/** The state after events, all of which happened at `now`. */
export function given(...events: readonly ApprovalEvent[]): ApprovalState | undefined {
  return events.reduce<ApprovalState | undefined>(
    (state, event, index) => approvalDecider.evolve(state, recorded(event, index + 1)),
    undefined,
  );
}

export function recorded(event: ApprovalEvent, version: number): Recorded<ApprovalEvent> {
  const subject = event.type === 'policy-set' ? POLICY_ID : applicationId;
  const [id, actor] = [`e${version}`, 'a'];
  const meta = { id, subject, time: now, actor, correlationId: 'r', causationId: 'r', version, commandOffset: 0n };
  return { ...event, meta };
}

/** The events of an accepted command, or the status and name of its refusal. */
export function when(
  state: ApprovalState | undefined,
  command: ApprovalCommand,
  meta?: { actor?: string; time?: string },
): readonly ApprovalEvent[] | string {
  const decision = approvalDecider.decide(state, addressed(command, meta));
  return decision.kind === 'accepted' ? decision.events : `${decision.refusal.status} ${decision.refusal.type}`;
}

/** The events of a command that must be accepted. */
export function accepted(...scene: Parameters<typeof when>): readonly ApprovalEvent[] {
  const events = when(...scene);
  if (typeof events === 'string') throw new Error(`refused: ${events}`);
  return events;
}

type DataOf<M extends { type: string; data: unknown }, Name extends M['type']> = Extract<M, { type: Name }>['data'];

export const submission = (scopes: string[] = requested) => ({
  reviewId,
  submission: 1,
  ownerId: 'owner',
  reviewed: {
    name: 'Pulse',
    kind: 'patient-access' as const,
    clientType: 'confidential-asymmetric' as const,
    scopes,
    purposesOfUse: [{ code: 'PATRQT', justification: 'shows results' }],
    redirectUris: ['https://pulse.example/callback'],
    allowedOrigins: [],
  },
});

export function openReview(over: Partial<DataOf<ApprovalCommand, 'open-review'>> = {}): ApprovalCommand {
  return { type: 'open-review', data: { ...submission(), policy: defaultPolicy, policyVersion: 0, ...over } };
}

export function reviewOpened(over: Partial<DataOf<ApprovalEvent, 'review-opened'>> = {}): ApprovalEvent {
  const clock = { requestedAt: now, policyVersion: 0, approvalsNeeded: 1, maximumApprovalDays: 365, dueAt };
  return { type: 'review-opened', data: { ...submission(), ...clock, ...over } };
}

export function decide(over: Partial<DataOf<ApprovalCommand, 'decide-review'>> = {}): ApprovalCommand {
  return {
    type: 'decide-review',
    data: { reviewId, decision: 'approve', conditions: [], reason: 'fits its purpose', ...over },
  };
}
