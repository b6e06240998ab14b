import type { ResourceType } from '#smart';
import type { Notice } from '../view-models.js';

/** The word for a key that somebody else chose, such as a code of the FHIR server: `__proto__` has none. */
export function wordFor<T>(words: Readonly<Record<string, T | undefined>>, key: string): T | undefined {
  return Object.hasOwn(words, key) ? words[key] : undefined;
}

/** The languages that pages speak, as BCP 47 tags. */
export const languages = ['en', 'es'] as const;
export type Language = (typeof languages)[number];

/** A heading and a sentence: what a kind of data is, for somebody who never heard of FHIR. */
export interface DataWords {
  readonly name: string;
  readonly detail: string;
}

/** Every text that a page shows, in one language. What varies comes in as an argument. */
export interface Words {
  /** What a resource type holds; `other` for a type that has no words of its own. */
  readonly data: Readonly<Partial<Record<ResourceType | '*', DataWords>>>;
  readonly otherData: (type: string) => DataWords;
  /** Codes of the categories that US Core knows, and other sub-scopes. */
  readonly categories: Readonly<Record<string, string>>;
  /** Of a day, `YYYY`, `YYYY-MM` or `YYYY-MM-DD`, or of the day of an RFC 3339 time. */
  readonly date: (value: string) => string;
  /** Of an RFC 3339 time, to the minute. */
  readonly time: (value: string) => string;

  readonly skip: string;
  readonly consent: {
    readonly title: (application: string) => string;
    readonly signedInAs: (name: string) => string;
    readonly record: string;
    readonly born: (date: string) => string;
    readonly approvedBy: string;
    readonly approvedUntil: (date: string) => string;
    readonly choose: string;
    readonly sees: string;
    readonly seesNothing: string;
    readonly changes: string;
    readonly changesWarning: string;
    readonly readTag: string;
    readonly changeTag: string;
    readonly readAndChangeTag: string;
    readonly ofAllPatients: string;
    readonly partsHint: string;
    readonly partsTitle: string;
    readonly knows: string;
    readonly identity: Readonly<Record<string, DataWords>>;
    readonly duration: string;
    readonly offline: (days: number) => string;
    readonly offlineDetail: string;
    readonly onlineOnly: string;
    readonly allow: string;
    readonly decline: string;
    readonly withdrawLater: string;
    readonly withdrawLaterLink: string;
    readonly responsibility: (application: string) => string;
    readonly privacy: string;
    readonly terms: string;
  };
  readonly patientPicker: {
    readonly title: string;
    readonly intro: (application: string) => string;
    readonly legend: string;
    readonly proceed: string;
  };
  readonly encounterPicker: {
    readonly title: string;
    readonly intro: (application: string) => string;
    readonly legend: string;
    readonly none: string;
    readonly proceed: string;
  };
  readonly grants: {
    readonly title: string;
    readonly intro: string;
    readonly empty: string;
    readonly since: (time: string) => string;
    readonly until: (time: string) => string;
    readonly approved: (organisation: string, until: string) => string;
    readonly lastUsed: (time: string) => string;
    readonly neverUsed: string;
    readonly record: (patient: string) => string;
    readonly withdraw: (application: string) => string;
    readonly withdrawn: (application: string) => string;
    readonly enforced: (time: string, points: number) => string;
    readonly outstanding: (points: number) => string;
    readonly signOut: string;
    readonly closedApplication: string;
  };
  readonly notices: Readonly<Record<Notice, { readonly title: string; readonly detail: string }>>;
  readonly gender: Readonly<Record<string, string>>;
}
