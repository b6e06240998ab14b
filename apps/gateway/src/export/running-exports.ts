import type { Log } from '#host';
import type { Upstream } from '../ask-upstream/upstream.js';
import type { OpenCalls } from '../proxy/open-calls.js';
import { forNobody } from '../write/probe-resource.js';
import { EXPORT_LIFE_MS } from './export-links.js';

/** So many exports of an application may be at work at once that this instance began. */
const AT_ONCE = 5;
/** An export that nobody asked about for this long is not counted any more, in milliseconds. */
const FORGOTTEN_MS = 3_600_000;

interface Running {
  readonly startedAt: number;
  /** It ended at the FHIR server, and its files may be there still. */
  isComplete: boolean;
  readonly end: () => void;
}

/**
 * The exports that this instance began at a FHIR server, so that a closure ends them there too. Through the gateway
 * nobody reaches them then, whichever instance began them.
 */
export class RunningExports {
  readonly #byApplication = new Map<string, Map<string, Running>>();
  /** How many an application is having begun: they have no address yet. */
  readonly #beginning = new Map<string, number>();

  constructor(
    private readonly upstream: Pick<Upstream, 'job'>,
    private readonly calls: OpenCalls,
    private readonly log: Pick<Log, 'warn'>,
    private readonly now: () => number = Date.now,
  ) {}

  /**
   * Takes a place for an export that is to be begun.
   *
   * @returns gives it back, once it was begun or was not; undefined where the application has as many at work as it may
   */
  take(applicationId: string): (() => void) | undefined {
    const since = this.now() - FORGOTTEN_MS;
    const own = [...(this.#byApplication.get(applicationId)?.values() ?? [])];
    const atWork = own.filter(({ isComplete, startedAt }) => !isComplete && startedAt > since).length;
    const beginning = this.#beginning.get(applicationId) ?? 0;
    if (atWork + beginning >= AT_ONCE) return undefined;
    this.#beginning.set(applicationId, beginning + 1);
    return () => {
      const left = (this.#beginning.get(applicationId) ?? 1) - 1;
      if (left === 0) this.#beginning.delete(applicationId);
      else this.#beginning.set(applicationId, left);
    };
  }

  /**
   * Notes one that was begun.
   *
   * @param status  where the server tells how it stands, below its base
   * @param mayGoOn by what is in force, whether or not this instance may let anybody in
   */
  began(applicationId: string, status: string, mayGoOn: () => boolean): void {
    this.#forgetOld(applicationId);
    // Servers exist that give one export to all who ask for the same.
    this.ended(applicationId, status);
    let own = this.#byApplication.get(applicationId);
    if (!own) this.#byApplication.set(applicationId, (own = new Map<string, Running>()));
    const cut = () => {
      // That this instance may let nobody in ends no export.
      if (mayGoOn()) return;
      this.ended(applicationId, status);
      this.cancel(status);
    };
    const end = this.calls.open({ applicationId, isAllowed: mayGoOn, cut });
    own.set(status, { startedAt: this.now(), isComplete: false, end });
  }

  completed(applicationId: string, status: string): void {
    const running = this.#byApplication.get(applicationId)?.get(status);
    if (running) running.isComplete = true;
  }

  /** It is not there any more. */
  ended(applicationId: string, status: string): void {
    const own = this.#byApplication.get(applicationId);
    own?.get(status)?.end();
    own?.delete(status);
    if (own?.size === 0) this.#byApplication.delete(applicationId);
  }

  /** Ends one that was begun, and whose address nobody was told; not where the server gave one that somebody has already. */
  endUntold(status: string): void {
    if (![...this.#byApplication.values()].some((own) => own.has(status))) this.cancel(status);
  }

  /** Ends one at the server: the request is handed over in this tick, and nobody waits for the answer. */
  cancel(status: string): void {
    this.upstream
      .job({ method: 'DELETE', target: status }, forNobody())
      .catch((error: unknown) => this.log.warn('an export could not be ended at the FHIR server', error));
  }

  #forgetOld(applicationId: string): void {
    const since = this.now() - EXPORT_LIFE_MS;
    for (const [status, { startedAt }] of this.#byApplication.get(applicationId) ?? [])
      if (startedAt <= since) this.ended(applicationId, status);
  }
}
