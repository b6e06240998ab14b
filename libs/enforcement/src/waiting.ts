import { setTimeout as delay } from 'node:timers/promises';

/** Resolves after `ms`, or at once when stopped. This is the beat of a clock: there is no event to await instead. */
export async function pause(ms: number, stop: AbortSignal): Promise<void> {
  try {
    await delay(Math.max(0, ms), undefined, { signal: stop });
  } catch (error) {
    if (!stop.aborted) throw error;
  }
}

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** Conditions that are looked at again whenever something may have changed. */
export class Waiters {
  readonly #looks = new Set<() => void>();

  /** Something may have changed. */
  wake(): void {
    for (const look of [...this.#looks]) look();
  }

  /** Resolves with true as soon as the condition holds, or with false when `stop` is aborted first. */
  until(condition: () => boolean, stop: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const look = () => {
        const holds = condition();
        if (!holds && !stop.aborted) return;
        this.#looks.delete(look);
        stop.removeEventListener('abort', look);
        resolve(holds);
      };
      this.#looks.add(look);
      stop.addEventListener('abort', look);
      look();
    });
  }
}
