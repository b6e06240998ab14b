import type { Recorded, RegistrationEvent } from '#contracts';
import { FORMER_CONTACTS_MS, type Application } from './application.js';

/** What contacts are told: of a credential that was added, one that waits, or that others took their place. */
export interface CredentialNotice {
  /** The event's: a notice is the same however often it is derived. */
  readonly id: string;
  readonly applicationId: string;
  readonly about: 'key-added' | 'secret-added' | 'key-waiting' | 'secret-waiting' | 'contacts-changed';
  /** The thumbprint of a key, the id of a secret. */
  readonly credential?: string;
  /** What a credential that waits is confirmed under. */
  readonly credentialId?: string;
  /** The vault's reference to the code, and until when it confirms. */
  readonly sealedCode?: string;
  readonly confirmBy?: string;
  /** References to lists of contacts in the vault; only `mayConfirm` are sent the code. */
  readonly recipients: readonly { readonly contacts: string; readonly mayConfirm: boolean }[];
  readonly time: string;
}

/** The notice that an event calls for, of the application as it was before the event. */
export function noticeOf(
  before: Application | undefined,
  event: Recorded<RegistrationEvent>,
): CredentialNotice | undefined {
  if (before === undefined) return undefined;
  const told = tellOf(before, event);
  if (told === undefined) return undefined;
  const { id, subject: applicationId, time } = event.meta;
  const known = before.contacts.filter(({ until }) => until === undefined || isRecent(until, time));
  // Whoever takes an account over puts in contacts of their own: the code goes to those who stood longest.
  const recipients = known.map(({ reference }, index) => ({ contacts: reference, mayConfirm: index === 0 }));
  return { id, applicationId, time, recipients, ...told };
}

type Told = Pick<CredentialNotice, 'about' | 'credential' | 'credentialId' | 'sealedCode' | 'confirmBy'>;

function tellOf({ other }: Application, event: Recorded<RegistrationEvent>): Told | undefined {
  switch (event.type) {
    case 'keys-changed':
      return event.data.added && { about: 'key-added', credential: event.data.added.thumbprint };
    case 'secret-issued':
      return { about: 'secret-added', credential: event.data.secret.id };
    case 'credential-proposed': {
      const { key, credentialId, sealedCode, expiresAt: confirmBy } = event.data;
      const credential = key?.thumbprint ?? credentialId;
      return { about: key ? 'key-waiting' : 'secret-waiting', credential, credentialId, sealedCode, confirmBy };
    }
    case 'application-changed': {
      const { other: changed, removed } = event.data;
      const replaced = changed.contacts !== undefined || removed.includes('contacts');
      return other.contacts !== undefined && replaced ? { about: 'contacts-changed' } : undefined;
    }
    default:
      return undefined;
  }
}

function isRecent(until: string, now: string): boolean {
  return Date.parse(until) + FORMER_CONTACTS_MS > Date.parse(now);
}
