import type { ApprovalEvent, Recorded, RegistrationEvent } from '#contracts';

/** What a batch of events says of one application's access; what it does not speak of stays as it was. */
export interface AccessPatch {
  readonly application_id: string;
  readonly owner_id?: string;
  /** `none` after a reinstatement. */
  readonly closed?: 'suspended' | 'revoked' | 'none';
  /** What the review was asked about: it becomes the application's name and kind when the review approves. */
  readonly asked_name?: string;
  readonly asked_kind?: string;
  readonly name?: string;
  readonly kind?: string;
  readonly scopes?: readonly string[];
  readonly approval_version?: number;
  readonly expires_at?: string;
  readonly approved_at?: string;
  /** Approved in this batch, asked in an earlier one: the name is the one that the row holds as asked. */
  readonly take_asked?: boolean;
}

type AccessEvent = Recorded<RegistrationEvent> | Recorded<ApprovalEvent>;

/**
 * Folds events into one patch for each application. Registration's events and approval's set different fields, since
 * no order holds between the two topics.
 */
export function accessPatches(events: readonly AccessEvent[]): readonly AccessPatch[] {
  const patches = new Map<string, AccessPatch>();
  for (const event of events) {
    const before = patches.get(event.meta.subject) ?? { application_id: event.meta.subject };
    const said = whatIsSaid(event, before);
    if (said !== undefined) patches.set(event.meta.subject, { ...before, ...said });
  }
  return [...patches.values()];
}

function whatIsSaid(event: AccessEvent, before: AccessPatch): Partial<AccessPatch> | undefined {
  switch (event.type) {
    case 'application-registered':
    case 'ownership-transferred':
      return { owner_id: event.data.ownerId };
    case 'application-suspended':
      return { closed: 'suspended' };
    case 'application-reinstated':
      return { closed: 'none' };
    case 'application-revoked':
      return { closed: 'revoked' };
    case 'review-opened':
      return { asked_name: event.data.reviewed.name, asked_kind: event.data.reviewed.kind };
    case 'review-approved':
      return {
        ...nameOf(before),
        scopes: event.data.scopes,
        approval_version: event.data.approvalVersion,
        expires_at: event.data.expiresAt,
        approved_at: before.approved_at ?? event.meta.time,
      };
    case 'approval-narrowed':
      return {
        scopes: event.data.scopes,
        approval_version: event.data.approvalVersion,
        expires_at: event.data.expiresAt,
      };
    default:
      return undefined;
  }
}

function nameOf({ asked_name: name, asked_kind: kind }: AccessPatch): Partial<AccessPatch> {
  return name === undefined || kind === undefined ? { take_asked: true } : { name, kind };
}
