import type { Lease } from './lease.js';

/** Tells when a lease ends, so that what is open under it ends with it, though nothing asks. */
export class LapseWatch {
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly lease: Lease,
    private readonly onLapse: () => void,
  ) {}

  /** The lease may have been earned: waits for its end as it now is. */
  again(): void {
    const ms = this.lease.remainingMs();
    // One that ended before this was asked is still told by the timer that waits for it.
    if (ms <= 0) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), Math.ceil(ms));
  }

  /** Gives the lease up and tells so, in this tick. */
  drop(): void {
    clearTimeout(this.#timer);
    this.lease.drop();
    this.onLapse();
  }

  #look(): void {
    // A timer may fire a little early by another clock.
    if (this.lease.holds()) this.again();
    else this.onLapse();
  }
}
