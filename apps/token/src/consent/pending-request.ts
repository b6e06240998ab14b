import type { FhirEndpoint } from '#fhir-endpoints';
import type { Scope } from '#smart';
import type { OpenAccess } from '../authenticate-client/admitted-clients.js';
import type { ApplicationView, ConsentView, EncounterPickerView, PatientPickerView } from '../pages/view-models.js';
import type { Person } from '../sign-in/person-sessions.js';

/** An authorization request that waits for its user. */
export interface PendingRequest {
  readonly uid: string;
  /** Seconds since 1970. */
  readonly startedAt: number;
  readonly params: Readonly<Record<string, unknown>>;
}

/** What comes next for a request. */
export type Step =
  | { readonly kind: 'sign-in'; readonly again: boolean }
  | { readonly kind: 'page'; readonly view: ConsentView | PatientPickerView | EncounterPickerView }
  | { readonly kind: 'refused'; readonly error: string; readonly description: string };

/** A request whose user is signed in, and what they can be asked about. */
export interface Asking {
  readonly request: PendingRequest;
  readonly access: OpenAccess;
  /** Which FHIR API it is about. */
  readonly endpoint: FhirEndpoint;
  readonly asked: readonly Scope[];
  readonly person: Person;
}

/** The path of one of a request's forms. */
export function actionOf({ uid }: Pick<PendingRequest, 'uid'>, step: 'patient' | 'encounter' | 'consent'): string {
  return `/oauth/interaction/${uid}/${step}`;
}

/** What pages show of the application. */
export function applicationOf({ name, privacyPolicyUri, termsUri }: OpenAccess): ApplicationView {
  return {
    name,
    ...(privacyPolicyUri === undefined ? {} : { privacyPolicyUri }),
    ...(termsUri === undefined ? {} : { termsUri }),
  };
}

/** The user has to sign in first. */
export function signIn(again: boolean): Step {
  return { kind: 'sign-in', again };
}

/** The request ends with an error of OAuth's. */
export function refused(error: string, description: string): Extract<Step, { readonly kind: 'refused' }> {
  return { kind: 'refused', error, description };
}

/** A parameter of the request that was given once. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
