import type { NextOffsets } from '#event-log';
import type { AppliedPositions } from './applied-positions.js';
import { type Clock, elapsed, type Instant } from './clock.js';

interface Attempt {
  /** When the point began, before its report left. */
  readonly t0: Instant;
  /** The ends of the log after its report was acknowledged. */
  readonly ends: NextOffsets;
}

/**
 * The right to let calls in, for a while. It is earned in one way only: note t0, append a report, have it
 * acknowledged, ask for the ends of all that is folded, and have applied all up to there; it then lasts until
 * t0 + lease. Whoever reads the reports thus knows that a point which has not reported for a lease has none, and that
 * one which has reported since cannot be behind what was in the log when it did.
 *
 * A new point has no lease, and one that lapsed has none until it earns another.
 */
export class Lease {
  #from: Instant | undefined;
  #attempts: Attempt[] = [];

  constructor(
    private readonly leaseMs: number,
    private readonly clock: Clock,
  ) {}

  /** The report that began at `t0` was acknowledged, and after that the log ended at `ends`. */
  attempt(t0: Instant, ends: NextOffsets): void {
    const now = this.clock();
    // What is kept while applying lags; an attempt older than a lease can earn nothing.
    this.#attempts = this.#attempts.filter((attempt) => elapsed(attempt.t0, now) < this.leaseMs);
    this.#attempts.push({ t0, ends });
  }

  /** Everything up to `applied` is in force here: earns what was attempted for up to there. */
  applied(applied: AppliedPositions): void {
    for (let index = this.#attempts.length - 1; index >= 0; index--) {
      const attempt = this.#attempts[index];
      if (!attempt || !applied.reached(attempt.ends)) continue;
      this.#from = attempt.t0;
      this.#attempts = this.#attempts.slice(index + 1);
      return;
    }
  }

  /** Whether calls may be let in now. */
  holds(): boolean {
    return this.remainingMs() > 0;
  }

  /** How long it lasts from now if it is not earned again, in milliseconds; 0 when there is none. */
  remainingMs(): number {
    return this.#from === undefined ? 0 : Math.max(0, this.leaseMs - elapsed(this.#from, this.clock()));
  }

  /** Gives it up: whatever was attempted earns nothing. */
  drop(): void {
    this.#from = undefined;
    this.#attempts = [];
  }
}
