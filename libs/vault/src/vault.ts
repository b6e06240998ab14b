/** What is known of a person besides their identity at the provider. */
export interface Profile {
  readonly name?: string;
  readonly email?: string;
}

/** A person as their identity provider knows them. */
export interface Subject extends Profile {
  readonly issuer: string;
  readonly subject: string;
}

/** A value that JSON can write. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/**
 * Where personal data stands, so that the log, which keeps everything for ever, holds random ids alone
 * (design.md, Topics). Who is erased (`VaultErasures`) leaves their id in the log without
 * a meaning.
 *
 * Every method throws `VaultUnavailable` while the store cannot be asked, and nothing is then half done.
 */
export interface Vault {
  /**
   * The random id (UUID v4) that stands for a person: made at first sight and the same ever after, on every
   * instance. A profile, where given, is kept if it differs from the one known.
   */
  subjectId(issuer: string, subject: string, profile?: Profile): Promise<string>;
  /** The person behind an id; nothing for an unknown or erased one. */
  lookupSubject(id: string): Promise<Subject | undefined>;
  /** The persons behind several ids, in one read; unknown and erased ones are absent. */
  lookupSubjects(ids: readonly string[]): Promise<ReadonlyMap<string, Subject>>;
  /**
   * Encrypts a value under its owner's key. Gives the reference (UUID v4) that may stand in the log. Throws `OwnerErased`
   * where the owner was erased.
   */
  seal(ownerKey: string, plaintext: Json): Promise<string>;
  /** The value behind a reference; nothing for an unknown or erased one. */
  open(reference: string): Promise<Json | undefined>;
  /** The values behind several references, in one read; unknown and erased ones are absent. */
  openAll(references: readonly string[]): Promise<ReadonlyMap<string, Json>>;
  /**
   * What was sealed for one owner is another's from now on, and erased with them; references stay. Repeating it changes nothing.
   * Throws `OwnerErased` where the other was erased: nothing was handed over.
   */
  handOver(from: string, to: string): Promise<void>;
  /** Deletes what stands behind a reference: a value that nothing refers to. Repeating it changes nothing. */
  discard(reference: string): Promise<void>;
}

/** Whoever a value should be sealed for was erased: nothing is kept of them any more. */
export class OwnerErased extends Error {
  readonly code = 'ERR_OWNER_ERASED';
  constructor() {
    super('the owner was erased');
    this.name = 'OwnerErased';
  }
}

/** The vault cannot be asked now; try again. */
export class VaultUnavailable extends Error {
  readonly code = 'ERR_VAULT_UNAVAILABLE';
  constructor(options?: ErrorOptions) {
    super('the vault cannot be asked now', options);
    this.name = 'VaultUnavailable';
  }
}

/** What is stored was made under another key, or changed by somebody else: nothing of it is given out. */
export class VaultCorrupt extends Error {
  readonly code = 'ERR_VAULT_CORRUPT';
  constructor(detail: string, options?: ErrorOptions) {
    super(`the vault cannot open what it holds: ${detail}`, options);
    this.name = 'VaultCorrupt';
  }
}
