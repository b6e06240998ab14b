import type { Upstream } from '../ask-upstream/upstream.js';
import type { UpstreamWritten } from '../ask-upstream/upstream-write.js';
import { ProbeResource, STALE } from './probe-resource.js';

/** Which writes a FHIR server carries out only on the version that they name. */
export interface SupportedWrites {
  readonly update: boolean;
  readonly delete: boolean;
  /** An update that may create overwrites nothing (`If-None-Match: *`). */
  readonly updateCreates: boolean;
}

/** A server that did not keep versions is asked again after this, in milliseconds. */
const ASK_AGAIN_MS = 60_000;

/**
 * Whether a FHIR server keeps `If-Match` and `If-None-Match: *`, found out by writing a resource of our own, before the first write of anybody: on a
 * server that ignores it, what was judged need not be what is changed.
 */
export class WriteSupport {
  #found: { readonly supported: SupportedWrites; readonly atMs: number } | undefined;
  #asking: Promise<SupportedWrites> | undefined;

  /** @param onFound called when it was found out for the first time, or turned out to be otherwise by now */
  constructor(
    private readonly upstream: Pick<Upstream, 'ask' | 'send'>,
    private readonly onFound: (supported: SupportedWrites) => void = () => undefined,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** What was found out by now; undefined before the first write. */
  get known(): SupportedWrites | undefined {
    return this.#found?.supported;
  }

  /** @throws UpstreamFailed, WriteUnknown when the server cannot be asked now */
  async of(): Promise<SupportedWrites> {
    const { supported, atMs } = this.#found ?? {};
    if (supported && atMs !== undefined && (supported.update || this.now() - atMs < ASK_AGAIN_MS)) return supported;
    this.#asking ??= this.#ask().finally(() => (this.#asking = undefined));
    return await this.#asking;
  }

  async #ask(): Promise<SupportedWrites> {
    const [before, supported] = [this.known, await this.#probe()];
    this.#found = { supported, atMs: this.now() };
    if (!before || !isSame(before, supported)) this.onFound(supported);
    return supported;
  }

  async #probe(): Promise<SupportedWrites> {
    const probe = new ProbeResource(this.upstream);
    const version = await probe.create();
    if (version === undefined) return { update: false, delete: false, updateCreates: false };
    try {
      const update =
        isRefusal(await probe.send(probe.update('a stale one', STALE))) &&
        isDone(await probe.send(probe.update('it is deleted at once', version)));
      const creation = await probe.send(probe.creation('it is there already'));
      const refuses = isRefusal(await probe.send(probe.deletion(STALE)));
      return { update, delete: update && refuses, updateCreates: update && isRefusal(creation) };
    } finally {
      await probe.remove();
    }
  }
}

function isSame(one: SupportedWrites, other: SupportedWrites): boolean {
  return one.update === other.update && one.delete === other.delete && one.updateCreates === other.updateCreates;
}

/** A conflict or a failed precondition: servers were seen to answer either. */
function isRefusal({ status }: UpstreamWritten): boolean {
  return status === 412 || status === 409;
}

function isDone({ status }: UpstreamWritten): boolean {
  return status === 200 || status === 201 || status === 204;
}
