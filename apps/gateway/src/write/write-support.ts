import { isObject, isResource } from '#smart';
import { type AskedFor, type Upstream, UpstreamFailed } from '../ask-upstream/upstream.js';
import type { UpstreamWritten } from '../ask-upstream/upstream-write.js';
import { versionOf } from './plan-write.js';

/** Which writes a FHIR server carries out only on the version that they name. */
export interface SupportedWrites {
  readonly update: boolean;
  readonly delete: boolean;
}

/** What is written to find it out; it says nothing of anybody. */
const probe = {
  resourceType: 'Basic',
  code: { text: 'A probe of the gateway before this server; it is deleted at once.' },
};
/** A version that no resource has. */
const STALE = 'W/"0"';
/** A server that did not keep versions is asked again after this, in milliseconds. */
const ASK_AGAIN_MS = 60_000;

/**
 * Whether a FHIR server keeps `If-Match`, found out by writing a resource of our own, before the first write of anybody: on a
 * server that ignores it, what was judged need not be what is changed.
 */
export class WriteSupport {
  #found: { readonly supported: SupportedWrites; readonly atMs: number } | undefined;
  #asking: Promise<SupportedWrites> | undefined;

  constructor(
    private readonly upstream: Pick<Upstream, 'ask' | 'send'>,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** @throws UpstreamFailed, WriteUnknown when the server cannot be asked now */
  async of(): Promise<SupportedWrites> {
    const { supported, atMs } = this.#found ?? {};
    if (supported && atMs !== undefined && (supported.update || this.now() - atMs < ASK_AGAIN_MS)) return supported;
    this.#asking ??= this.#ask().finally(() => (this.#asking = undefined));
    return await this.#asking;
  }

  async #ask(): Promise<SupportedWrites> {
    const supported = await this.#probe();
    this.#found = { supported, atMs: this.now() };
    return supported;
  }

  async #probe(): Promise<SupportedWrites> {
    const made = await this.#send({ method: 'POST', target: '/Basic', body: JSON.stringify(probe) });
    const created = createdIn(made);
    if (!created) return { update: false, delete: false };
    const target = `/Basic/${created.id}`;
    const body = JSON.stringify({ ...probe, id: created.id });
    const update =
      isRefusal(await this.#send({ method: 'PUT', target, body, ifMatch: STALE })) &&
      isDone(await this.#send({ method: 'PUT', target, body, ifMatch: created.version }));
    const refuses = isRefusal(await this.#send({ method: 'DELETE', target, ifMatch: STALE }));
    if (refuses) await this.#tidy(target);
    return { update, delete: update && refuses };
  }

  /** Deletes the probe, whatever version it has by now. */
  async #tidy(target: string): Promise<void> {
    try {
      const { resource } = await this.upstream.ask({ method: 'GET', target }, forNobody());
      const ifMatch = isResource(resource) ? versionOf(resource) : undefined;
      await this.#send({ method: 'DELETE', target, ...(ifMatch === undefined ? {} : { ifMatch }) });
    } catch (error) {
      // It is gone already, or stays: it says nothing.
      if (!(error instanceof UpstreamFailed)) throw error;
    }
  }

  async #send(write: Parameters<Upstream['send']>[0]): Promise<UpstreamWritten> {
    return await this.upstream.send(write, forNobody(), () => undefined);
  }
}

function forNobody(): AskedFor {
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

/** A conflict or a failed precondition: servers were seen to answer either. */
function isRefusal({ status }: UpstreamWritten): boolean {
  return status === 412 || status === 409;
}

function isDone({ status }: UpstreamWritten): boolean {
  return status === 200 || status === 201 || status === 204;
}
