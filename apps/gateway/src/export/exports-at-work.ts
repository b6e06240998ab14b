/** The exports that were begun at one endpoint by this instance. */
export interface AtWork {
  /** How many of an application are at work, as far as that is known. */
  readonly count: (applicationId: string) => number;
  /** Asks the FHIR server how those stand that nobody asked about lately. Never rejects. */
  readonly lookAgain: (applicationId: string) => Promise<void>;
}

/** So many exports of an application may be at work at once that this instance began. */
const AT_ONCE = 5;

/** What applications have at work at this instance, at whichever endpoint. */
export class ExportsAtWork {
  readonly #all: AtWork[] = [];
  /** How many an application is having begun: they have no address yet. */
  readonly #beginning = new Map<string, number>();

  /** Counts those of one endpoint more. */
  add(endpoint: AtWork): void {
    this.#all.push(endpoint);
  }

  /**
   * Takes a place for an export that is to be begun. Before there is none, the FHIR servers are asked whether those that
   * count have ended.
   *
   * @returns gives it back, once it was begun or was not; undefined where the application has as many at work as it may
   */
  async take(applicationId: string): Promise<(() => void) | undefined> {
    const atOnce = this.#take(applicationId);
    if (atOnce) return atOnce;
    await Promise.all(this.#all.map(async (each) => await each.lookAgain(applicationId)));
    return this.#take(applicationId);
  }

  #take(applicationId: string): (() => void) | undefined {
    const beginning = this.#beginning.get(applicationId) ?? 0;
    const atWork = this.#all.reduce((sum, { count }) => sum + count(applicationId), beginning);
    if (atWork >= AT_ONCE) return undefined;
    this.#beginning.set(applicationId, beginning + 1);
    return () => {
      const left = (this.#beginning.get(applicationId) ?? 1) - 1;
      if (left === 0) this.#beginning.delete(applicationId);
      else this.#beginning.set(applicationId, left);
    };
  }
}
