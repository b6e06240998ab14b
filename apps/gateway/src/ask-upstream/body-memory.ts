/** What the answers of one call may hold of the memory for large ones. */
export interface BodyLease {
  /** @returns whether there was room for so many bytes more */
  take(bytes: number): boolean;
  /** Ends the call: what it took is free again. */
  release(): void;
}

/** The memory for large answers of the FHIR server, in bytes, over all calls: many at once must not exhaust this process. */
export class BodyMemory {
  #taken = 0;

  constructor(private readonly most: number) {}

  lease(): BodyLease {
    let own = 0;
    return {
      take: (bytes) => {
        if (this.#taken + bytes > this.most) return false;
        this.#taken += bytes;
        own += bytes;
        return true;
      },
      release: () => {
        this.#taken -= own;
        own = 0;
      },
    };
  }
}
