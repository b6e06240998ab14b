/** An assertion as the replay guard keeps it. */
export interface Spend {
  /** In hexadecimal. */
  readonly digest: string;
  /** Seconds since the epoch. */
  readonly until: number;
  readonly issued: number;
}

interface Waiting extends Spend {
  readonly resolve: (isSpent: boolean) => void;
  readonly reject: (error: unknown) => void;
}

/** So many statements run at once, and so many assertions go into one. */
const STATEMENTS = 2;
const AT_MOST = 200;

/**
 * Gathers what comes while statements run, so that one statement spends many assertions: with nobody waiting each goes
 * at once, and the more come the more go together. Of equal ones in a batch the first is spent.
 */
export class GatheredSpends {
  readonly #waiting: Waiting[] = [];
  #running = 0;

  constructor(
    /** Keeps those that were not kept before, in the order given, and gives their digests. */
    private readonly keep: (batch: readonly Spend[]) => Promise<readonly string[]>,
  ) {}

  /** Spends one; false when it was spent before. Throws what keeping the batch fails with. */
  spend(spend: Spend): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...spend, resolve, reject });
      if (this.#running < STATEMENTS) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running++;
    while (this.#waiting.length > 0) {
      // One order for everybody: instances that spend the same assertions do not wait for each other in a circle.
      const batch = this.#waiting.splice(0, AT_MOST).sort((one, other) => (one.digest < other.digest ? -1 : 1));
      try {
        const kept = new Set(await this.keep(batch));
        for (const { digest, resolve } of batch) resolve(kept.delete(digest));
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#running--;
  }
}
