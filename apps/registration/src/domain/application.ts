import type { OtherMetadata, Recorded, RegistrationCommand, RegistrationEvent, ReviewedMetadata } from '#contracts';

type CommandData<Name extends RegistrationCommand['type']> = Extract<RegistrationCommand, { type: Name }>['data'];
type EventData<Name extends RegistrationEvent['type']> = Extract<RegistrationEvent, { type: Name }>['data'];

export type PublicKey = EventData<'application-registered'>['keys'][number];
type Secret = CommandData<'issue-secret'>['secret'];
/** The vault's reference to contacts, and when they were declared, or were replaced. RFC 3339. */
interface DeclaredContacts {
  readonly reference: string;
  readonly since: string;
  readonly until?: string;
}
type Verdict = EventData<'review-applied'>['verdict'];

/** A key or a secret that waits for its second confirmation, and how often a wrong code was given for it. */
export type ProposedCredential = EventData<'credential-proposed'> & { readonly failed: number };

/** So many wrong codes, and nothing confirms a credential any more. */
export const MOST_TRIES = 5;

/** An application as its events made it. JSON, so that it fits a snapshot. */
export interface Application {
  readonly id: string;
  readonly clientId: string;
  readonly ownerId: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  /** What the developer declares now; differs from `inForce` while a change waits for review. */
  readonly declared: ReviewedMetadata;
  /** What was approved; absent until the first approval. */
  readonly inForce?: ReviewedMetadata;
  readonly other: OtherMetadata;
  readonly keys: readonly PublicKey[];
  /** Keys that were removed, so that one of them can still be called compromised. */
  readonly retiredKeys: readonly { readonly kid: string; readonly thumbprint: string }[];
  readonly compromisedThumbprints: readonly string[];
  readonly secrets: readonly Secret[];
  /** Keys and secrets that wait for a second confirmation. */
  readonly proposals: readonly ProposedCredential[];
  /** Who counts as a contact, the newest last: those of now, and those replaced a short while ago. */
  readonly contacts: readonly DeclaredContacts[];
  /** The last submission: its number from 1, what it asked about, and what became of it. */
  readonly submission?: {
    readonly number: number;
    readonly reviewed: ReviewedMetadata;
    readonly status: 'open' | 'withdrawn' | Verdict;
    /** When it was first asked for; a changed form of what was asked, submitted again, keeps it. RFC 3339. */
    readonly requestedAt: string;
  };
  /** The last review that was applied. */
  readonly review?: { readonly id: string; readonly verdict: Verdict; readonly reason: string };
  readonly approval?: EventData<'approval-applied'>;
  /** Raised by every suspension and by the revocation: tokens of an earlier epoch are worth nothing. */
  readonly epoch: number;
  readonly closed?:
    { readonly kind: 'suspended' | 'revoked' | 'expired'; readonly reason: string; readonly at: string } | undefined;
  /** It came by open registration, and nobody has claimed it yet. */
  readonly unclaimed?: true | undefined;
  /** Who claimed it, in the place of an id that was nobody's. RFC 3339. */
  readonly claimed?: { readonly from: string; readonly by: string; readonly at: string };
}

/** api.md, Shapes. */
export type ApplicationStatus =
  | 'draft'
  | 'submitted'
  | 'changes-requested'
  | 'active'
  | 'suspended'
  | 'rejected'
  | 'withdrawn'
  | 'expired'
  | 'revoked';

/**
 * When the request was made that a further submission goes on with: one that is still open, or was sent back for
 * changes. What was withdrawn or decided is over, and the next submission is a request of its own.
 */
export function goesOnWith({ submission }: Application): { readonly requestedAt?: string } {
  const goesOn = submission?.status === 'open' || submission?.status === 'changes-requested';
  return goesOn ? { requestedAt: submission.requestedAt } : {};
}

/** The one word for where an application stands. What closes access is told first, then what opens it. */
export function statusOf({ closed, inForce, approval, submission }: Application): ApplicationStatus {
  if (closed) return closed.kind;
  if (inForce && approval && !approval.expired) return 'active';
  switch (submission?.status) {
    case undefined:
      return 'draft';
    case 'open':
      return 'submitted';
    case 'approved':
      return approval?.expired === true ? 'expired' : 'submitted';
    case 'changes-requested':
    case 'rejected':
    case 'withdrawn':
      return submission.status;
  }
}

/** The application after one more event. */
export function evolve(state: Application | undefined, event: Recorded<RegistrationEvent>): Application {
  if (event.type === 'application-registered') return registered(event.meta, event.data);
  if (state === undefined) throw new Error(`${event.type} of ${event.meta.subject} stands before its registration`);
  return { ...state, ...changesOf(state, event), updatedAt: event.meta.time };
}

function registered(
  { subject, time }: { readonly subject: string; readonly time: string },
  data: EventData<'application-registered'>,
): Application {
  return {
    id: subject,
    clientId: data.clientId,
    ownerId: data.ownerId,
    createdAt: time,
    updatedAt: time,
    declared: data.reviewed,
    other: data.other,
    keys: data.keys,
    retiredKeys: [],
    compromisedThumbprints: [],
    secrets: [],
    proposals: [],
    contacts: contactsAfter([], data.other.contacts, time),
    epoch: 0,
    ...(data.unclaimed === true ? { unclaimed: true } : {}),
  };
}

function changesOf(
  state: Application,
  event: Exclude<Recorded<RegistrationEvent>, { type: 'application-registered' }>,
): Partial<Application> {
  const { submission } = state;
  switch (event.type) {
    case 'application-changed': {
      const { reviewed, other, removed } = event.data;
      const now = without({ ...state.other, ...other }, removed);
      return {
        declared: without({ ...state.declared, ...reviewed }, removed),
        other: now,
        contacts: contactsAfter(state.contacts, now.contacts, event.meta.time),
      };
    }
    case 'application-submitted':
      return {
        submission: {
          number: event.data.submission,
          reviewed: event.data.reviewed,
          status: 'open',
          requestedAt: event.data.requestedAt ?? event.meta.time,
        },
      };
    case 'application-withdrawn':
      return submission ? { submission: { ...submission, status: 'withdrawn' } } : {};
    case 'keys-changed':
      return keysAfter(state, event.data);
    case 'secret-issued':
      return {
        secrets: [...state.secrets.filter(({ expiresAt }) => expiresAt > event.meta.time), event.data.secret],
      };
    case 'secret-withdrawn':
      return { secrets: state.secrets.filter(({ id }) => id !== event.data.secret.id) };
    case 'credential-proposed':
      return {
        proposals: [
          ...state.proposals.filter(({ expiresAt }) => expiresAt > event.meta.time),
          { ...event.data, failed: 0 },
        ],
      };
    case 'confirmation-failed':
      return {
        proposals: state.proposals.map((it) =>
          it.credentialId === event.data.credentialId ? { ...it, failed: it.failed + 1 } : it,
        ),
      };
    case 'credential-confirmed':
    case 'credential-dropped':
      return { proposals: state.proposals.filter(({ credentialId }) => credentialId !== event.data.credentialId) };
    case 'ownership-transferred':
      // What the one before proposed is not for the next to confirm.
      return {
        ownerId: event.data.ownerId,
        proposals: [],
        ...(state.unclaimed === true
          ? {
              unclaimed: undefined,
              claimed: { from: state.ownerId, by: event.data.ownerId, at: event.meta.time },
            }
          : {}),
      };
    case 'review-applied': {
      const { reviewId, verdict, reason } = event.data;
      return {
        review: { id: reviewId, verdict, reason },
        ...(submission?.number === event.data.submission ? { submission: { ...submission, status: verdict } } : {}),
      };
    }
    case 'approval-applied': {
      // What was approved is what that submission asked about; an approval of an earlier one leaves the metadata alone.
      const approves = submission?.number === event.data.submission;
      return {
        approval: event.data,
        ...(approves ? { inForce: submission.reviewed, submission: { ...submission, status: 'approved' } } : {}),
      };
    }
    case 'registration-expired':
      return { closed: { kind: 'expired', reason: 'Nobody claimed it in time.', at: event.meta.time } };
    case 'application-suspended':
      return { epoch: event.data.epoch, closed: { kind: 'suspended', reason: event.data.reason, at: event.meta.time } };
    case 'application-reinstated':
      return { epoch: event.data.epoch, closed: undefined };
    case 'application-revoked':
      return { epoch: event.data.epoch, closed: { kind: 'revoked', reason: event.data.reason, at: event.meta.time } };
    default:
      return event satisfies never;
  }
}

/** Contacts that were replaced are told of new credentials for so long: whoever takes an account over changes them first. */
export const FORMER_CONTACTS_MS = 7 * 24 * 3_600_000;

function contactsAfter(
  known: readonly DeclaredContacts[],
  reference: string | undefined,
  now: string,
): readonly DeclaredContacts[] {
  const last = known.at(-1);
  if (last?.until === undefined && last?.reference === reference) return known;
  const former = known
    .map((it) => ({ ...it, until: it.until ?? now }))
    .filter(({ until }) => Date.parse(until) + FORMER_CONTACTS_MS > Date.parse(now));
  return reference === undefined ? former : [...former, { reference, since: now }];
}

function keysAfter(state: Application, { added, removed }: EventData<'keys-changed'>): Partial<Application> {
  const kept = removed ? state.keys.filter(({ kid }) => kid !== removed.kid) : state.keys;
  return {
    keys: added ? [...kept, added] : kept,
    ...(removed && {
      retiredKeys: [
        ...state.retiredKeys.filter(({ thumbprint }) => thumbprint !== removed.thumbprint),
        { kid: removed.kid, thumbprint: removed.thumbprint },
      ],
    }),
    ...(removed?.compromised === true && {
      compromisedThumbprints: [...new Set([...state.compromisedThumbprints, removed.thumbprint])],
    }),
  };
}

/** The value without fields that are optional in it; names of others are not there. */
export function without<T extends object>(value: T, names: readonly string[]): T {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name))) as T;
}
