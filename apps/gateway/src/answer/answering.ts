import {
  type FhirResource,
  isResource,
  type LocalReference,
  judge,
  type ScopeInteraction,
  type Sight,
  upstreamTarget,
  type UpstreamTarget,
} from '#smart';
import { fhirError, type FhirError } from '../proxy/operation-outcome.js';
import { type UpstreamAnswer, UpstreamFailed } from '../ask-upstream/upstream.js';

/** The answer to a call, checked: nothing in it may not be seen. URLs in it are still the FHIR server's. */
export interface CheckedAnswer {
  readonly resource: FhirResource;
  /** The resource as the FHIR server wrote it, where nothing of it had to be judged. */
  readonly text?: string;
  readonly etag?: string;
  readonly lastModified?: string;
}

/** The call is answered with an error instead. */
export class NotAnswered extends Error {
  override readonly name = 'NotAnswered';
  readonly code = 'not-answered';
  constructor(
    readonly answer: FhirError,
    /** For the log: why what the FHIR server gave is not handed on. */
    readonly reason: string,
  ) {
    super(reason);
  }
}

/** How many requests to the FHIR server one call may become. */
const ASKED_AT_MOST = 60;

/** What a call is answered with: the FHIR server, and what the token may see of it. */
export class Answering {
  readonly #seen = new Map<string, Promise<boolean>>();
  #asked = 0;

  constructor(
    readonly sight: Sight,
    /** Base URL of the FHIR server, without a slash at its end. */
    readonly upstream: string,
    /** Asks the FHIR server; refuses when the call may no longer go on. */
    private readonly send: (target: UpstreamTarget) => Promise<UpstreamAnswer>,
    private readonly askedAtMost: number = ASKED_AT_MOST,
  ) {}

  /** @throws NotAnswered when the call has become too many requests */
  async ask(target: UpstreamTarget): Promise<UpstreamAnswer> {
    if (++this.#asked > this.askedAtMost) throw tooCostly();
    return await this.send(target);
  }

  /** Whether a resource is seen, with what it belongs to, if that decides. */
  async sees(resource: FhirResource, interaction: ScopeInteraction): Promise<boolean> {
    const verdict = judge(resource, interaction, this.sight);
    if (verdict.kind !== 'if-seen') return verdict.kind === 'seen';
    for (const link of verdict.links) if (!(await this.seesElsewhere(link))) return false;
    return true;
  }

  /** Notes what was judged already, so that it is not asked for again. */
  saw({ resourceType, id }: FhirResource): void {
    if (typeof id === 'string') this.#seen.set(`${resourceType}/${id}`, Promise.resolve(true));
  }

  /** Whether a resource that something belongs to is seen. What belongs to something again is not followed. */
  seesElsewhere({ type, id }: LocalReference): Promise<boolean> {
    const key = `${type}/${id}`;
    let known = this.#seen.get(key);
    if (!known) this.#seen.set(key, (known = this.#readAndJudge(type, id)));
    return known;
  }

  async #readAndJudge(type: LocalReference['type'], id: string): Promise<boolean> {
    const resource = await this.readOrNothing(type, id);
    if (!resource) return false;
    return (['r', 's'] as const).some((it) => judge(resource, it, this.sight).kind === 'seen');
  }

  /** The current version of a resource, unjudged; undefined when there is none. */
  async readOrNothing(type: LocalReference['type'], id: string): Promise<FhirResource | undefined> {
    const target = upstreamTarget({ kind: 'read', type, id, params: [] });
    if (!target) return undefined;
    try {
      const { resource } = await this.ask(target);
      return isResource(resource) && resource.resourceType === type && resource['id'] === id ? resource : undefined;
    } catch (error) {
      if (error instanceof UpstreamFailed && error.answer.status === 404) return undefined;
      throw error;
    }
  }
}

/** 404, the same for an id that nobody has as for one that may not be seen. */
export function notThere(reason: string): NotAnswered {
  return new NotAnswered(fhirError(404, 'not-found', 'There is no such resource.'), reason);
}

export function wrongAnswer(reason: string): NotAnswered {
  return new NotAnswered(fhirError(502, 'transient', 'The FHIR server did not give a resource.'), reason);
}

function tooCostly(): NotAnswered {
  const text = 'This search goes through more than the gateway looks at in one call; narrow it.';
  return new NotAnswered(fhirError(403, 'too-costly', text), 'too many requests to the FHIR server');
}
