import type { AllowedOperation, WithholdingRule } from '#smart';
import type { UpstreamSettings } from './endpoint-file.js';
import type { AdmissionSettings } from './admit-settings.js';
import type { UserRightsSettings } from './user-rights-settings.js';

/** Calls that are let in whatever is decided of them (docs/adr/0023). */
export interface ObserveRule {
  readonly applications: ReadonlySet<string>;
  /** Kinds of `FhirInteraction`; absent for all, and for what is none. */
  readonly interactions?: ReadonlySet<string>;
  /** Milliseconds since 1970: from then on they are enforced. */
  readonly untilMs: number;
}

/** A FHIR API that this program guards, and the server behind it. */
export interface FhirEndpoint {
  /** As approvals, decisions and records name it. */
  readonly id: string;
  /** Where callers reach it, without a slash at its end: the `aud` of its tokens. */
  readonly base: string;
  /** The path at which the gateway serves it. */
  readonly path: string;
  readonly upstream: UpstreamSettings;
  /** What is withheld there whatever the scopes say. */
  readonly withhold?: readonly WithholdingRule[];
  /** Of which patients applications see anything there; of all without. */
  readonly admit?: readonly AdmissionSettings[];
  /** Who says what users may see there; the gateway's own rules without. */
  readonly userRights?: UserRightsSettings;
  /** What is observed there, and not enforced; nothing unless it is said. */
  readonly observe?: readonly ObserveRule[];
  /** Kinds of reads of which records may wait on the disk while the log is away; none unless it is said. */
  readonly auditAvailable?: ReadonlySet<string>;
  /** Operations that are let through there beside those that always are. */
  readonly operations?: readonly AllowedOperation[];
}

/** The id of the endpoint that `FHIR_UPSTREAM_URL` makes, and of what was recorded while there could be but one. */
export const DEFAULT_ENDPOINT = 'default';

/** The endpoints of a program: one at `/fhir`, or several, each below it. */
export class FhirEndpoints {
  constructor(readonly all: readonly FhirEndpoint[]) {}

  /** The one that an `aud` or a `resource` names; a slash at its end does no harm. */
  withBase(base: string | undefined): FhirEndpoint | undefined {
    return this.all.find((it) => base === it.base || base === `${it.base}/`);
  }

  /**
   * The one that a stored id names.
   *
   * @param id absent in what was stored while there was but one
   */
  withId(id: string | undefined): FhirEndpoint | undefined {
    if (id === undefined) return this.only ?? this.withId(DEFAULT_ENDPOINT);
    return this.all.find((it) => it.id === id);
  }

  /** The one there is. Undefined where there are several: which of them is meant, nobody may guess. */
  get only(): FhirEndpoint | undefined {
    return this.all.length === 1 ? this.all[0] : undefined;
  }
}
