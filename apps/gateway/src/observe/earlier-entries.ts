import type { FhirResource, UpstreamTarget } from '#smart';
import type { AskedFor } from '../ask-upstream/asked-for.js';
import { UpstreamFailed } from '../ask-upstream/upstream-failed.js';
import type { Upstream } from '../ask-upstream/upstream.js';
import type { UpstreamAnswer } from '../ask-upstream/upstream-answer.js';
import { fhirError } from '../proxy/operation-outcome.js';
import type { PlannedWrite } from '../write/plan-write.js';

/**
 * The FHIR server as it would be once earlier entries of a batch were carried out, of which nothing is sent: what they leave behind is
 * read by its id from here. Searches find what is there already.
 */
export class EarlierEntries implements Pick<Upstream, 'ask' | 'base'> {
  /** By where it is read; undefined for what was deleted. */
  readonly #made = new Map<string, FhirResource | undefined>();

  constructor(private readonly upstream: Pick<Upstream, 'ask' | 'base'>) {}

  get base(): string {
    return this.upstream.base;
  }

  /** An entry would be carried out. */
  note(planned: PlannedWrite): void {
    if (planned.id === undefined) return;
    const key = `/${planned.type}/${planned.id}`;
    if (planned.verb === 'delete') this.#made.set(key, undefined);
    else this.#made.set(key, { ...planned.after, id: planned.id });
  }

  async ask(target: UpstreamTarget, by: AskedFor): Promise<UpstreamAnswer> {
    const key = target.target;
    if (target.method !== 'GET' || !this.#made.has(key)) return await this.upstream.ask(target, by);
    const resource = this.#made.get(key);
    if (!resource) throw new UpstreamFailed(fhirError(404, 'not-found', 'There is no such resource.'));
    // Which version the server gives it nobody knows.
    return { resource, text: JSON.stringify(resource), etag: 'W/"not-written"' };
  }
}
