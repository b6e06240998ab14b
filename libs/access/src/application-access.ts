import type { ApprovalEvent, CallLimits, Recorded, RegistrationEvent, ReviewedMetadata, TokenEvent } from '#contracts';

/** A key that a client may sign its assertions with, and the thumbprint that tokens remember it by (RFC 7638). */
export interface AccessKey {
  readonly kid: string;
  readonly thumbprint: string;
  readonly jwk: Readonly<Record<string, unknown>>;
}

/** Of the reviewed metadata, what a decision needs. */
export interface AccessMetadata {
  readonly name: string;
  readonly kind: ReviewedMetadata['kind'];
  readonly clientType: ReviewedMetadata['clientType'];
  readonly jwksUri?: string;
  /** Codes of HL7 v3 PurposeOfUse. */
  readonly purposesOfUse: readonly string[];
  readonly redirectUris: readonly string[];
  readonly allowedOrigins: readonly string[];
  readonly launchUri?: string;
  readonly logoUri?: string;
  readonly privacyPolicyUri?: string;
  readonly termsUri?: string;
  /** Authorization requests are pushed alone (RFC 9126, 6). */
  readonly requirePushedAuthorizationRequests?: true;
  /** Tokens are issued to a shown key alone (RFC 9449, 5.2). */
  readonly dpopBoundAccessTokens?: true;
}

/** A client secret: its hash alone. */
export interface AccessSecret {
  readonly sha256: string;
  /** RFC 3339. */
  readonly expiresAt: string;
}

const optional = [
  'jwksUri',
  'launchUri',
  'logoUri',
  'privacyPolicyUri',
  'termsUri',
  'requirePushedAuthorizationRequests',
  'dpopBoundAccessTokens',
] as const;

/** What registration says of an application. */
export interface RegistrationPart {
  readonly clientId: string;
  readonly ownerId: string;
  readonly metadata: AccessMetadata;
  /** What the last submission asks for: in force once that submission is approved. */
  readonly submitted?: { readonly submission: number; readonly metadata: AccessMetadata };
  /** Registration took note of an approval that has not expired. */
  readonly activated: boolean;
  readonly suspended: boolean;
  readonly revoked: boolean;
  readonly epoch: number;
  readonly keys: readonly AccessKey[];
  readonly deadKeyThumbprints: readonly string[];
  readonly secrets: readonly AccessSecret[];
}

/** What approval says of an application. */
export interface ApprovalPart {
  readonly approvalVersion: number;
  readonly scopes: readonly string[];
  /** RFC 3339. */
  readonly expiresAt: string;
  readonly expired: boolean;
  readonly endpoints: readonly string[];
  readonly limits?: CallLimits;
}

/**
 * What the log says of one application, by context. The parts never look at each other, so that the state is the same
 * in whatever order the topics of the contexts are read.
 */
export interface ApplicationAccess {
  readonly registration?: RegistrationPart;
  readonly approval?: ApprovalPart;
  /** RFC 3339: when all grants of the application ended. */
  readonly grantsClosedAt?: string;
  /** An event of it could not be decoded: nobody knows what is in force, so nothing is. */
  readonly undecodable: boolean;
}

export type AccessEvent = Recorded<RegistrationEvent> | Recorded<ApprovalEvent> | Recorded<TokenEvent>;

/** Applies one event. Pure; returns the same state when the event does not concern access. */
export function evolveAccess(state: ApplicationAccess, event: AccessEvent): ApplicationAccess {
  switch (event.type) {
    case 'application-registered':
      return {
        ...state,
        registration: {
          clientId: event.data.clientId,
          ownerId: event.data.ownerId,
          metadata: metadataOf(event.data.reviewed),
          activated: false,
          suspended: false,
          revoked: false,
          epoch: 0,
          keys: event.data.keys,
          deadKeyThumbprints: [],
          secrets: [],
        },
      };
    case 'application-changed': {
      const { pending, reviewed, removed } = event.data;
      if (pending) return state;
      return withRegistration(state, (it) => ({ ...it, metadata: changedMetadata(it.metadata, reviewed, removed) }));
    }
    case 'application-submitted': {
      const submitted = { submission: event.data.submission, metadata: metadataOf(event.data.reviewed) };
      return withRegistration(state, (it) => ({ ...it, submitted }));
    }
    case 'review-applied': {
      const { verdict, submission } = event.data;
      if (verdict !== 'approved') return state;
      return withRegistration(state, ({ submitted, ...it }) =>
        submitted?.submission === submission
          ? { ...it, activated: true, metadata: submitted.metadata }
          : { ...it, activated: true, ...(submitted && { submitted }) },
      );
    }
    case 'approval-applied':
      return withRegistration(state, (it) => ({ ...it, activated: !event.data.expired }));
    case 'keys-changed':
      return withRegistration(state, (it) => changedKeys(it, event.data));
    case 'secret-issued': {
      const { sha256, expiresAt } = event.data.secret;
      return withRegistration(state, (it) => ({ ...it, secrets: [...it.secrets, { sha256, expiresAt }] }));
    }
    case 'secret-withdrawn': {
      const { sha256 } = event.data.secret;
      return withRegistration(state, (it) => ({ ...it, secrets: it.secrets.filter((each) => each.sha256 !== sha256) }));
    }
    case 'ownership-transferred':
      return withRegistration(state, (it) => ({ ...it, ownerId: event.data.ownerId }));
    case 'application-suspended':
      return withRegistration(state, (it) => ({ ...it, suspended: true, epoch: event.data.epoch }));
    case 'application-reinstated':
      return withRegistration(state, (it) => ({ ...it, suspended: false, epoch: event.data.epoch }));
    case 'registration-expired': // it was never open, and never will be
      return withRegistration(state, (it) => ({ ...it, revoked: true }));
    case 'application-revoked':
      return withRegistration(state, (it) => ({ ...it, revoked: true, epoch: event.data.epoch }));
    case 'review-approved':
    case 'approval-narrowed': {
      const { approvalVersion, scopes, expiresAt, endpoints, limits } = event.data;
      const limited = limits === undefined ? {} : { limits };
      return { ...state, approval: { approvalVersion, scopes, expiresAt, endpoints, ...limited, expired: false } };
    }
    case 'approval-expired':
      return state.approval?.approvalVersion === event.data.approvalVersion
        ? { ...state, approval: { ...state.approval, expired: true } }
        : state;
    case 'grants-closed':
      return { ...state, grantsClosedAt: event.meta.time };
    case 'credential-proposed': // worth nothing until keys-changed or secret-issued follows its confirmation
    case 'confirmation-failed':
    case 'credential-confirmed':
    case 'credential-dropped':
    case 'application-withdrawn':
    case 'token-revoked': // kept by the fold, until the token would have expired
    case 'grant-revoked': // likewise, until the last token of the grant would have
    case 'grant-consented':
    case 'review-opened':
    case 'review-endorsed':
    case 'review-rejected':
    case 'review-changes-requested':
    case 'review-withdrawn':
    case 'review-clock-breached':
    case 'policy-set':
      return state;
    default:
      return event satisfies never;
  }
}

/** Whether an event can take something away from who is already in: open calls are then looked at again. */
export function takesAway(event: AccessEvent): boolean {
  switch (event.type) {
    case 'application-suspended':
    case 'application-revoked':
    case 'approval-narrowed':
    case 'approval-expired':
    case 'review-approved': // a later approval may be narrower than the one before
    case 'grants-closed':
    case 'grant-revoked':
    case 'token-revoked':
      return true;
    case 'approval-applied':
      return event.data.expired;
    case 'keys-changed':
      return event.data.removed?.compromised === true;
    default:
      return false;
  }
}

function withRegistration(
  state: ApplicationAccess,
  change: (part: RegistrationPart) => RegistrationPart,
): ApplicationAccess {
  return state.registration ? { ...state, registration: change(state.registration) } : state;
}

function metadataOf(reviewed: ReviewedMetadata): AccessMetadata {
  const { name, kind, clientType, purposesOfUse, redirectUris, allowedOrigins } = reviewed;
  const given = optionalOf((name) => reviewed[name]);
  return {
    name,
    kind,
    clientType,
    redirectUris,
    allowedOrigins,
    purposesOfUse: purposesOfUse.map(({ code }) => code),
    ...given,
  };
}

/** The optional fields that there are. */
function optionalOf<Name extends (typeof optional)[number]>(
  read: (name: (typeof optional)[number]) => AccessMetadata[Name] | undefined,
): Pick<AccessMetadata, Name> {
  const given = optional.flatMap((name) => {
    const value = read(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(given) as Pick<AccessMetadata, Name>;
}

function changedMetadata(
  before: AccessMetadata,
  changed: Partial<ReviewedMetadata>,
  removed: readonly string[],
): AccessMetadata {
  const given = optionalOf((name) => (removed.includes(name) ? undefined : (changed[name] ?? before[name])));
  return {
    name: changed.name ?? before.name,
    kind: changed.kind ?? before.kind,
    clientType: changed.clientType ?? before.clientType,
    redirectUris: changed.redirectUris ?? before.redirectUris,
    allowedOrigins: changed.allowedOrigins ?? before.allowedOrigins,
    purposesOfUse: changed.purposesOfUse?.map(({ code }) => code) ?? before.purposesOfUse,
    ...given,
  };
}

type KeysChanged = Extract<RegistrationEvent, { readonly type: 'keys-changed' }>['data'];

function changedKeys(part: RegistrationPart, { added, removed }: KeysChanged): RegistrationPart {
  const kept = removed ? part.keys.filter(({ thumbprint }) => thumbprint !== removed.thumbprint) : part.keys;
  const dead = removed?.compromised ? [...part.deadKeyThumbprints, removed.thumbprint] : part.deadKeyThumbprints;
  return { ...part, keys: added ? [...kept, added] : kept, deadKeyThumbprints: dead };
}
