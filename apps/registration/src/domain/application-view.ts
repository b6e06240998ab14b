import type { OtherMetadata, ReviewedMetadata } from '#contracts';
import { MOST_TRIES, statusOf, type Application, type ApplicationStatus } from './application.js';

/** An application as a `GET` shows it (api.md, Shapes); `contacts` is still the vault's reference. */
export interface ApplicationView extends Omit<ReviewedMetadata, 'scopes'>, OtherMetadata {
  readonly id: string;
  readonly clientId: string;
  readonly version: number;
  readonly status: ApplicationStatus;
  readonly requestedScopes: readonly string[];
  readonly approvedScopes: readonly string[];
  readonly approvalVersion?: number;
  readonly approvalExpiresAt?: string;
  /** What waits for review, or was not approved, while the metadata above stays in force. */
  readonly pending?: Partial<ReviewedMetadata> & { readonly removed?: readonly string[] };
  readonly submission?: { readonly number: number; readonly status: string };
  readonly review?: { readonly id: string; readonly verdict: string; readonly reason: string };
  readonly closure?: { readonly reason: string; readonly at: string };
  readonly jwks: { readonly keys: readonly Readonly<Record<string, unknown>>[] };
  /** Client secrets without what they are: the log has their hashes alone. */
  readonly secrets: readonly { readonly id: string; readonly expiresAt: string }[];
  /** Keys and secrets that are worth nothing until they are confirmed. */
  readonly unconfirmed: readonly UnconfirmedView[];
  readonly ownerId: string;
  readonly createdAt: string;
  readonly updatedAt: string;
}

interface UnconfirmedView {
  readonly id: string;
  readonly credential: 'key' | 'secret';
  readonly thumbprint?: string;
  /** Of a secret: until when it counts once it is confirmed. */
  readonly expiresAt?: string;
  readonly confirmBy: string;
  readonly triesLeft: number;
}

/** What a `GET` shows of an application at a version. */
export function viewOf(state: Application, version: number): ApplicationView {
  const { scopes: _scopes, ...inForce } = state.inForce ?? state.declared;
  const pending = pendingOf(state);
  const { approval, submission, closed } = state;
  return {
    id: state.id,
    clientId: state.clientId,
    version,
    status: statusOf(state),
    ...inForce,
    ...state.other,
    requestedScopes: state.declared.scopes,
    approvedScopes: approval?.expired === false ? approval.scopes : [],
    ...(approval && { approvalVersion: approval.approvalVersion, approvalExpiresAt: approval.expiresAt }),
    ...(pending && { pending }),
    ...(submission && { submission: { number: submission.number, status: submission.status } }),
    ...(state.review && { review: state.review }),
    ...(closed && { closure: { reason: closed.reason, at: closed.at } }),
    jwks: { keys: state.keys.map(({ jwk }) => jwk) },
    secrets: state.secrets.map(({ id, expiresAt }) => ({ id, expiresAt })),
    unconfirmed: state.proposals.map(({ credentialId, key, secret, expiresAt: confirmBy, failed }) => ({
      id: credentialId,
      credential: key === undefined ? 'secret' : 'key',
      ...(key && { thumbprint: key.thumbprint }),
      ...(secret && { expiresAt: secret.expiresAt }),
      confirmBy,
      triesLeft: MOST_TRIES - failed,
    })),
    ownerId: state.ownerId,
    createdAt: state.createdAt,
    updatedAt: state.updatedAt,
  };
}

function pendingOf({ declared, inForce }: Application): ApplicationView['pending'] {
  if (inForce === undefined) return undefined;
  const changed = differencesOf(inForce, declared);
  const removed = Object.keys(inForce).filter((name) => !(name in declared));
  if (Object.keys(changed).length === 0 && removed.length === 0) return undefined;
  return { ...changed, ...(removed.length > 0 && { removed }) };
}

/** The fields of `to` that `from` has not, or has otherwise. */
export function differencesOf<T extends object>(from: T, to: Partial<T>): Partial<T> {
  const before = new Map<string, unknown>(Object.entries(from));
  // Sound: every entry kept is one of `to`.
  return Object.fromEntries(
    Object.entries(to).filter(([name, value]) => JSON.stringify(before.get(name)) !== JSON.stringify(value)),
  ) as Partial<T>;
}
