import type { FhirResource, ResourceType, ScopeContext, ScopeInteraction } from '#smart';

/** A resource that somebody is asked about. */
export interface AskedResource {
  readonly type: ResourceType;
  /** Absent for what is to be created. */
  readonly id?: string;
  /** The ids of all patients whom it names. */
  readonly patients: readonly string[];
  /** Whether it is about somebody who is no patient of this server: then `patients` does not say it all. */
  readonly aboutOthers: boolean;
  /** Whether it belongs to something on this server (Provenance, Binary), which is seen. */
  readonly belongs: boolean;
  /** What is to be done with it; `s` for what a search finds. */
  readonly letter: ScopeInteraction;
  /** Absent where nothing is there: then the answer counts for nothing, and only whether there is one. */
  readonly resource?: FhirResource;
}

/** What somebody else has to say of one call: which of the resources that scopes reach may be seen, or written. */
export interface RightToSee {
  /** Who says it, as records name them. */
  readonly by: string;
  /** The contexts of the scopes that it cuts; what others reach is not asked about. */
  readonly contexts: ReadonlySet<ScopeContext>;
  /** Whether it is asked about resources of a type. */
  concerns(type: ResourceType): boolean;
  /**
   * One answer for each, in their order.
   *
   * @throws Unanswered
   */
  ask(about: readonly AskedResource[]): Promise<readonly boolean[]>;
  /** The same, without what it was told until now; absent where it remembers nothing. */
  afresh?(): RightToSee;
}
