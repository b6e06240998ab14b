import type { Log } from '#host';
import type { Upstream } from '../ask-upstream/upstream.js';
import type { OpenCalls } from '../proxy/open-calls.js';
import { forNobody } from '../write/probe-resource.js';
import { EXPORT_LIFE_MS } from './export-links.js';
import type { ExportsAtWork } from './exports-at-work.js';

/** The server is not asked again how an export stands within this, in milliseconds. */
const LOOK_AGAIN_MS = 60_000;

interface Running {
  readonly startedAt: number;
  /** When the server was last asked how it stands. */
  askedAt: number;
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
  constructor(
    private readonly upstream: Pick<Upstream, 'job'>,
    private readonly calls: OpenCalls,
    private readonly log: Pick<Log, 'warn'>,
    atWork: ExportsAtWork,
    private readonly now: () => number = Date.now,
  ) {
    atWork.add({ count: (it) => this.#count(it), lookAgain: async (it) => await this.#lookAgain(it) });
  }

  /** One counts until it is known to have ended, however long it takes, and whether or not anybody asks about it. */
  #count(applicationId: string): number {
    this.#endOld(applicationId);
    return [...(this.#byApplication.get(applicationId)?.values() ?? [])].filter(({ isComplete }) => !isComplete).length;
  }

  async #lookAgain(applicationId: string): Promise<void> {
    const since = this.now() - LOOK_AGAIN_MS;
    const own = [...(this.#byApplication.get(applicationId) ?? [])];
    const unasked = own.filter(([, { isComplete, askedAt }]) => !isComplete && askedAt <= since);
    await Promise.all(unasked.map(async ([status]) => await this.#ask(applicationId, status)));
  }

  async #ask(applicationId: string, status: string): Promise<void> {
    this.asked(applicationId, status);
    try {
      const answer = await this.upstream.job({ method: 'GET', target: status }, forNobody());
      if (answer.status === 200) this.completed(applicationId, status);
      if (answer.status === 404 || answer.status === 410) this.ended(applicationId, status);
    } catch (error) {
      // It counts on.
      this.log.warn('the FHIR server could not be asked how an export stands', error);
    }
  }

  /**
   * Notes one that was begun.
   *
   * @param status  where the server tells how it stands, below its base
   * @param mayGoOn by what is in force, whether or not this instance may let anybody in
   */
  began(applicationId: string, status: string, mayGoOn: () => boolean): void {
    this.#endOld(applicationId);
    // Servers exist that give one export to all who ask for the same.
    this.ended(applicationId, status);
    let own = this.#byApplication.get(applicationId);
    if (!own) this.#byApplication.set(applicationId, (own = new Map<string, Running>()));
    const cut = () => {
      // That this instance may let nobody in ends no export.
      if (mayGoOn()) return;
      this.ended(applicationId, status);
      this.endAtServer(status);
    };
    const end = this.calls.open({ applicationId, isAllowed: mayGoOn, cut });
    const now = this.now();
    own.set(status, { startedAt: now, askedAt: now, isComplete: false, end });
  }

  /** The server is asked how it stands. */
  asked(applicationId: string, status: string): void {
    const running = this.#byApplication.get(applicationId)?.get(status);
    if (running) running.askedAt = this.now();
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

  /** Whether somebody else has it, too: servers exist that give one export to all who ask for the same. */
  isOfOthers(applicationId: string, status: string): boolean {
    return [...this.#byApplication].some(([id, own]) => id !== applicationId && own.has(status));
  }

  /**
   * Ends one at the server that nobody here has any more, or whose address nobody was told: the request is handed over in this
   * tick, and nobody waits for the answer.
   */
  endAtServer(status: string): void {
    if ([...this.#byApplication.values()].some((own) => own.has(status))) return;
    this.upstream
      .job({ method: 'DELETE', target: status }, forNobody())
      .catch((error: unknown) => this.log.warn('an export could not be ended at the FHIR server', error));
  }

  /** The addresses of those that began so long ago count no more: what still goes on goes on for nobody. */
  #endOld(applicationId: string): void {
    const since = this.now() - EXPORT_LIFE_MS;
    for (const [status, { startedAt, isComplete }] of this.#byApplication.get(applicationId) ?? []) {
      if (startedAt > since) continue;
      this.ended(applicationId, status);
      if (!isComplete) this.endAtServer(status);
    }
  }
}
