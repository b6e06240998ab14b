/** What the pages show. They know nothing of the flow: a page is a function of one of these, and gives HTML. */

/** The application that asks, as it was approved. */
export interface ApplicationView {
  readonly name: string;
  readonly privacyPolicyUri?: string;
  readonly termsUri?: string;
}

/** What was approved of an application. */
export interface ApprovalView {
  /** The organisation that runs this service, as patients know it. */
  readonly by: string;
  /** RFC 3339: when the approval ends. */
  readonly until: string;
}

/** What every form carries: where it is posted to, and the token that shows that it came from our page. */
export interface FormView {
  /** A path of ours. */
  readonly action: string;
  readonly csrf: string;
}

/** A patient, as a person tells them from others. */
export interface PatientView {
  readonly id: string;
  readonly name: string;
  /** `YYYY-MM-DD` or shorter. */
  readonly birthDate?: string;
  readonly gender?: string;
}

/** `patient`: whose record the application is to see. Posted as `patient`. */
export interface PatientPickerView {
  readonly page: 'patient-picker';
  readonly form: FormView;
  readonly application: ApplicationView;
  /** At least two. */
  readonly patients: readonly PatientView[];
}

/** An encounter of the patient in context. Posted as `encounter`; an empty one is none. */
export interface EncounterPickerView {
  readonly page: 'encounter-picker';
  readonly form: FormView;
  readonly application: ApplicationView;
  readonly patient?: PatientView;
  readonly encounters: readonly { readonly id: string; readonly title: string; readonly start?: string }[];
}

/** One thing that is asked for, and that can be left out. Posted as `scope`, once for each that is agreed to. */
export interface AskedView {
  /** The scope as it is posted, granted and serialised. */
  readonly scope: string;
  /** A resource type of FHIR, or `*`. */
  readonly type: string;
  readonly context: 'patient' | 'user';
  readonly reads: boolean;
  readonly changes: boolean;
  /** Narrower scopes, each of one category, that can be agreed to instead of the whole; posted as `scope` as well. */
  readonly parts: readonly { readonly scope: string; readonly category: string }[];
}

/** Posted with `decision` = `allow` or `decline`. */
export interface ConsentView {
  readonly page: 'consent';
  readonly form: FormView;
  readonly application: ApplicationView;
  readonly approval: ApprovalView;
  readonly user: { readonly name?: string };
  readonly patient?: PatientView;
  readonly asked: readonly AskedView[];
  /** The application learns who the user is (`openid`, `fhirUser`, `profile`). */
  readonly identity: readonly string[];
  /** Present when the application asks to go on without the user; posted as `duration` = `offline` when agreed to. */
  readonly offline?: { readonly days: number };
}

/** A kind of data that was agreed to. */
export type AllowedView = Pick<AskedView, 'type' | 'reads' | 'changes'>;

/** An application that a person has let in. */
export interface GrantView {
  readonly grantId: string;
  /** Absent when the application's access is closed. */
  readonly applicationName?: string | undefined;
  /** Absent likewise. */
  readonly approval?: ApprovalView;
  readonly allowed: readonly AllowedView[];
  readonly patient?: PatientView;
  /** RFC 3339. */
  readonly consentedAt: string;
  readonly lastUsedAt?: string;
  readonly expiresAt?: string;
}

/** What a withdrawal came to. */
export interface WithdrawnView {
  /** Absent when the application's access is closed. */
  readonly applicationName?: string | undefined;
  /** RFC 3339: since then nobody lets the application in. */
  readonly enforcedAt: string;
  readonly points: number;
  readonly outstanding: number;
}

/** `/oauth/grants`: each grant has a form that posts `grant`; `signOut` posts alone. */
export interface GrantsView {
  readonly page: 'grants';
  readonly withdraw: FormView;
  readonly signOut: FormView;
  readonly user: { readonly name?: string };
  readonly grants: readonly GrantView[];
  readonly withdrawn?: WithdrawnView;
}

/** Why there is nothing to do on this page. */
export type Notice = 'sign-in-expired' | 'sign-in-failed' | 'cannot-go-on' | 'unavailable' | 'failed' | 'signed-out';

/** Something that cannot go on, or has come to its end; nothing of it names an internal cause. */
export interface NoticeView {
  readonly page: 'notice';
  readonly status: number;
  readonly notice: Notice;
  /** For whoever wrote the application: an OAuth error with its description, in English. */
  readonly said?: string;
}

export type PageView = PatientPickerView | EncounterPickerView | ConsentView | GrantsView | NoticeView;
