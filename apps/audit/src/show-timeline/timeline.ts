/** An event of the application as its audit record keeps it, oldest first. */
export interface TimelineEvent {
  readonly id: string;
  readonly time: Date;
  readonly type: string;
  readonly actor: string;
  readonly reason: string | null;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** Who did it: the id that stands in the log, and a name where the vault knows one. */
export interface Party {
  readonly id: string;
  readonly name?: string;
}

/** What was asked for: the declaration that was registered, or the last one that was submitted. */
export interface Requested {
  readonly at: string;
  readonly by: Party;
  readonly name: unknown;
  readonly kind: unknown;
  readonly clientType: unknown;
  readonly scopes: unknown;
  readonly purposesOfUse: unknown;
  /** Which submission it is, from 1; absent while nothing has been submitted. */
  readonly submission?: unknown;
}

export interface Approval {
  readonly at: string;
  /** `review-approved`, `review-endorsed`, `review-rejected`, `approval-narrowed`, … */
  readonly type: string;
  readonly by: readonly Party[];
  readonly reason: string | null;
  readonly scopes?: unknown;
  readonly expiresAt?: unknown;
  readonly approvalVersion?: unknown;
  readonly conditions?: unknown;
}

const APPROVALS: ReadonlySet<string> = new Set([
  'review-endorsed',
  'review-approved',
  'review-rejected',
  'review-changes-requested',
  'approval-narrowed',
  'approval-expired',
]);

/** Gives a person's name with their id. */
export type Naming = (id: string) => Party;

/** The ids of everyone who acts in these events: what the vault is asked about. */
export function partiesOf(events: readonly TimelineEvent[]): readonly string[] {
  return [
    ...new Set(events.flatMap((event) => [event.actor, ...reviewersOf(event), ...textOf(event.detail['ownerId'])])),
  ];
}

/** Who registered it, what was asked, who approved what: three of the five answers, from the events of all contexts. */
export function storyOf(events: readonly TimelineEvent[], name: Naming) {
  const registered = events.find(({ type }) => type === 'application-registered');
  const submitted = events.findLast(({ type }) => type === 'application-submitted');
  const asked = submitted ?? registered;
  return {
    ...(registered === undefined ? {} : { registered: { by: name(registered.actor), at: timeOf(registered) } }),
    ...(asked === undefined ? {} : { requested: requestedIn(asked, name) }),
    approvals: events.filter(({ type }) => APPROVALS.has(type)).map((event) => approvalIn(event, name)),
    events: events.map((event) => ({
      id: event.id,
      at: timeOf(event),
      type: event.type,
      by: name(event.actor),
      ...(event.reason === null ? {} : { reason: event.reason }),
    })),
  };
}

/** The owner after the last transfer. */
export function ownerIn(events: readonly TimelineEvent[]): string | undefined {
  return events.flatMap(({ type, detail }) => (OWNING.has(type) ? textOf(detail['ownerId']) : [])).at(-1);
}

const OWNING: ReadonlySet<string> = new Set(['application-registered', 'ownership-transferred']);

function requestedIn(event: TimelineEvent, name: Naming): Requested {
  const reviewed = membersOf(event.detail['reviewed']);
  return {
    at: timeOf(event),
    by: name(event.actor),
    name: reviewed['name'],
    kind: reviewed['kind'],
    clientType: reviewed['clientType'],
    scopes: reviewed['scopes'],
    purposesOfUse: reviewed['purposesOfUse'],
    ...(event.type === 'application-submitted' ? { submission: event.detail['submission'] } : {}),
  };
}

function approvalIn(event: TimelineEvent, name: Naming): Approval {
  const { scopes, expiresAt, approvalVersion, conditions } = event.detail;
  const reviewers = reviewersOf(event);
  return {
    at: timeOf(event),
    type: event.type,
    by: (reviewers.length > 0 ? reviewers : [event.actor]).map(name),
    reason: event.reason,
    ...Object.fromEntries(
      Object.entries({ scopes, expiresAt, approvalVersion, conditions }).filter(([, value]) => value !== undefined),
    ),
  };
}

/** Who decided a review, or had a campaign narrow an approval: the event names them, its actor may be a reactor. */
function reviewersOf({ detail }: TimelineEvent): readonly string[] {
  const several = Array.isArray(detail['reviewerIds']) ? detail['reviewerIds'] : [];
  return [...several.flatMap(textOf), ...textOf(detail['reviewerId']), ...textOf(detail['decidedBy'])];
}

function textOf(value: unknown): readonly string[] {
  return typeof value === 'string' ? [value] : [];
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function timeOf({ time }: TimelineEvent): string {
  return time.toISOString();
}
