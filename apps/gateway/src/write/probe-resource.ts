import { type FhirResource, isObject, isResource } from '#smart';
import type { AskedFor } from '../ask-upstream/asked-for.js';
import type { Upstream } from '../ask-upstream/upstream.js';
import { UpstreamFailed } from '../ask-upstream/upstream-failed.js';
import type { UpstreamWrite, UpstreamWritten } from '../ask-upstream/upstream-write.js';
import { versionOf } from './plan-write.js';

/** A version that no resource has. */
export const STALE = 'W/"0"';

/** A resource of our own on a FHIR server, by which is found out what the server keeps. It says nothing of anybody. */
export class ProbeResource {
  #id: string | undefined;

  constructor(
    private readonly upstream: Pick<Upstream, 'ask' | 'send'>,
    id?: string,
  ) {
    this.#id = id;
  }

  static content(text: string, more: object = {}): string {
    return JSON.stringify({ resourceType: 'Basic', code: { text: `${PURPOSE}${text}` }, ...more });
  }

  /** Whether a resource says what `content` made. */
  static says(resource: FhirResource | undefined, text: string): boolean {
    const code = resource?.['code'];
    return isObject(code) && code['text'] === `${PURPOSE}${text}`;
  }

  /** @returns its version; undefined when the server does not say where it is, or in which version */
  async create(): Promise<string | undefined> {
    const created = createdIn(
      await this.send({ method: 'POST', target: '/Basic', body: ProbeResource.content('it is deleted at once') }),
    );
    this.#id = created?.id;
    return created?.version;
  }

  update(text: string, ifMatch: string | undefined, more: object = {}): UpstreamWrite {
    const body = ProbeResource.content(text, { id: this.#id, ...more });
    return { method: 'PUT', target: this.#target, body, ...(ifMatch === undefined ? {} : { ifMatch }) };
  }

  /** An update that may only create. */
  creation(text: string): UpstreamWrite {
    return { ...this.update(text, undefined), ifNoneMatch: '*' };
  }

  deletion(ifMatch: string | undefined): UpstreamWrite {
    return { method: 'DELETE', target: this.#target, ...(ifMatch === undefined ? {} : { ifMatch }) };
  }

  /** As it is now; undefined when it is not there. */
  async read(): Promise<FhirResource | undefined> {
    if (this.#id === undefined) return undefined;
    try {
      const { resource } = await this.upstream.ask({ method: 'GET', target: this.#target }, forNobody());
      return isResource(resource) ? resource : undefined;
    } catch (error) {
      if (!(error instanceof UpstreamFailed)) throw error;
      return undefined;
    }
  }

  /** Deletes it, whatever version it has by now. It may be gone already, or stay: it says nothing. */
  async remove(): Promise<void> {
    if (this.#id === undefined) return;
    const there = await this.read();
    if (there) await this.send(this.deletion(versionOf(there)));
  }

  async send(write: UpstreamWrite): Promise<UpstreamWritten> {
    return await this.upstream.send(write, forNobody(), () => undefined);
  }

  get #target(): string {
    return `/Basic/${this.#id ?? ''}`;
  }
}

const PURPOSE = 'A probe of the gateway before this server: ';

/** What is asked for on nobody's behalf. */
export function forNobody(): AskedFor {
  return {
    applicationId: 'gatehouse',
    purposesOfUse: [],
    signal: AbortSignal.timeout(30_000),
    isAllowed: () => true,
    memory: { take: () => true, release: () => undefined },
  };
}

function createdIn({ status, resource, location, etag }: UpstreamWritten) {
  if (status !== 201 && status !== 200) return undefined;
  const [, ofUrl, versionOfUrl] =
    /\/Basic\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/([A-Za-z0-9\-.]{1,64}))?$/.exec(location ?? '') ?? [];
  const own = isResource(resource) && isObject(resource) ? resource : undefined;
  const id = ofUrl ?? own?.['id'];
  const version = (own && versionOf(own)) ?? etag ?? (versionOfUrl === undefined ? undefined : `W/"${versionOfUrl}"`);
  return typeof id === 'string' && /^[A-Za-z0-9\-.]{1,64}$/.test(id) && version !== undefined
    ? { id, version }
    : undefined;
}
