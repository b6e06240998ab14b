import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits between tries against a broker: doubling from `firstMs` to `mostMs`, with jitter. `reset` after a success.
 * This waits for a machine that tells nobody when it is back, so there is no event to await instead.
 */
export class Backoff {
  #next: number;

  constructor(
    private readonly firstMs = 20,
    private readonly mostMs = 1_000,
  ) {
    this.#next = firstMs;
  }

  reset(): void {
    this.#next = this.firstMs;
  }

  /** Resolves after the wait, or at once when aborted. */
  async wait(signal?: AbortSignal): Promise<void> {
    const ms = this.#next * (0.5 + Math.random() / 2);
    this.#next = Math.min(this.#next * 2, this.mostMs);
    try {
      await delay(ms, undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      if (!signal?.aborted) throw error;
    }
  }
}
