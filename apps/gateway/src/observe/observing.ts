import type { FhirEndpoint } from '#fhir-endpoints';
import type { FhirInteraction } from '#smart';

/** What of an application is observed at an endpoint. */
export interface ObservedRoute {
  readonly endpoint: string;
  /** Kinds of interactions; absent for all. */
  readonly interactions?: readonly string[];
  /** RFC 3339, UTC. */
  readonly until: string;
}

/** Which calls at an endpoint are observed: decided and recorded, and let in whatever was decided. None unless it is said. */
export class Observing {
  constructor(
    private readonly endpoint: Pick<FhirEndpoint, 'id' | 'observe'>,
    /** Milliseconds since 1970. */
    private readonly now: () => number = Date.now,
  ) {}

  covers(applicationId: string, { kind }: FhirInteraction): boolean {
    const { observe } = this.endpoint;
    if (observe === undefined) return false;
    return observe.some(
      ({ applications, interactions, untilMs }) =>
        untilMs > this.now() && applications.has(applicationId) && (interactions?.has(kind) ?? true),
    );
  }

  /** What is observed of an application now. */
  of(applicationId: string): readonly ObservedRoute[] {
    return this.#current()
      .filter(({ applications }) => applications.has(applicationId))
      .map(({ interactions, untilMs }) => ({
        endpoint: this.endpoint.id,
        ...(interactions === undefined ? {} : { interactions: [...interactions] }),
        until: new Date(untilMs).toISOString(),
      }));
  }

  /** Of how many applications something is observed now. */
  count(): number {
    return new Set(this.#current().flatMap(({ applications }) => [...applications])).size;
  }

  #current() {
    return (this.endpoint.observe ?? []).filter(({ untilMs }) => untilMs > this.now());
  }
}
