/** The writes that were handed to the FHIR server and not answered yet, by application: a receipt counts them. */
export class InFlightWrites {
  readonly #byApplication = new Map<string, number>();

  /** Counts one; the function that it gives back ends it. */
  begin(applicationId: string): () => void {
    this.#byApplication.set(applicationId, this.of(applicationId) + 1);
    return () => {
      const left = this.of(applicationId) - 1;
      if (left > 0) this.#byApplication.set(applicationId, left);
      else this.#byApplication.delete(applicationId);
    };
  }

  of(applicationId: string): number {
    return this.#byApplication.get(applicationId) ?? 0;
  }
}
