/** Why a request did not get to the FHIR server. */
export type NoSlot = 'full' | 'aborted' | 'too-long';

interface Waiting {
  readonly go: () => void;
}

interface Asking {
  inUse: number;
  readonly waiting: Waiting[];
}

/** How many requests may be under way, and wait. */
export interface SlotBounds {
  readonly total: number;
  /** Of one application: so many are left to the others, whatever it asks. */
  readonly perApplication: number;
  /** Of one application, behind those under way. */
  readonly waitingPerApplication: number;
  /** How long one waits, in milliseconds; as long as those under way take, without. */
  readonly waitingMs?: number;
}

/**
 * The requests to the FHIR server that may be under way at once. Those that wait go on by turns of their applications,
 * so that one that asks much waits behind its own requests and not before others'.
 */
export class UpstreamSlots {
  readonly #byApplication = new Map<string, Asking>();
  #inUse = 0;

  constructor(private readonly bounds: SlotBounds) {}

  /** Takes a slot in this tick, when one is free and nobody of the application waits for one. */
  take(applicationId: string): boolean {
    const asking = this.#of(applicationId);
    if (asking.waiting.length > 0 || !this.#isFree(asking)) {
      this.#forget(applicationId, asking);
      return false;
    }
    this.#inUse++;
    asking.inUse++;
    return true;
  }

  /**
   * Waits for a slot. It is then taken; what was true before the wait may not be any more.
   *
   * @returns why there is none, if so
   */
  async wait(applicationId: string, signal: AbortSignal): Promise<NoSlot | undefined> {
    if (signal.aborted) return 'aborted';
    const asking = this.#of(applicationId);
    if (asking.waiting.length >= this.bounds.waitingPerApplication) return 'full';
    const turn = Promise.withResolvers<NoSlot | undefined>();
    const mine: Waiting = { go: () => turn.resolve(undefined) };
    asking.waiting.push(mine);
    const stop = (why: NoSlot) => {
      const at = asking.waiting.indexOf(mine);
      if (at < 0) return;
      asking.waiting.splice(at, 1);
      this.#forget(applicationId, asking);
      turn.resolve(why);
    };
    const onAbort = () => stop('aborted');
    const { waitingMs } = this.bounds;
    const patience = waitingMs === undefined ? undefined : setTimeout(() => stop('too-long'), waitingMs);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await turn.promise;
    } finally {
      clearTimeout(patience);
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Gives a slot back; the next that waits has it. */
  give(applicationId: string): void {
    const asking = this.#of(applicationId);
    this.#inUse--;
    asking.inUse--;
    this.#forget(applicationId, asking);
    for (const [id, next] of this.#byApplication) {
      if (!this.#isFree(next)) continue;
      const first = next.waiting.shift();
      if (!first) continue;
      this.#inUse++;
      next.inUse++;
      // Behind the others: it had its turn.
      this.#byApplication.delete(id);
      this.#byApplication.set(id, next);
      first.go();
      return;
    }
  }

  #isFree({ inUse }: Asking): boolean {
    return this.#inUse < this.bounds.total && inUse < this.bounds.perApplication;
  }

  #of(applicationId: string): Asking {
    let asking = this.#byApplication.get(applicationId);
    if (!asking) this.#byApplication.set(applicationId, (asking = { inUse: 0, waiting: [] }));
    return asking;
  }

  #forget(applicationId: string, { inUse, waiting }: Asking): void {
    if (inUse === 0 && waiting.length === 0) this.#byApplication.delete(applicationId);
  }
}
