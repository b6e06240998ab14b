/** A call that was let in and has not ended. */
export interface OpenCall {
  readonly applicationId: string;
  /** Whether it may still go on, by what is in force now. */
  readonly isAllowed: () => boolean;
  /** Ends it in this tick: nothing more goes upstream or to the caller. */
  readonly cut: () => void;
}

/** The calls under way, by application, so that a closure ends them before it is reported. */
export class OpenCalls {
  readonly #byApplication = new Map<string, Set<OpenCall>>();

  /** Opens a call; the function that it gives back ends it. */
  open(call: OpenCall): () => void {
    let calls = this.#byApplication.get(call.applicationId);
    if (!calls) this.#byApplication.set(call.applicationId, (calls = new Set()));
    calls.add(call);
    return () => {
      calls.delete(call);
      if (calls.size === 0 && this.#byApplication.get(call.applicationId) === calls)
        this.#byApplication.delete(call.applicationId);
    };
  }

  /** The application's access was closed or narrowed: cuts what is no longer allowed. */
  lookAgain(applicationId: string): void {
    for (const call of [...(this.#byApplication.get(applicationId) ?? [])]) if (!call.isAllowed()) call.cut();
  }

  /** Nobody may be let in any more: cuts whatever is under way. */
  cutAll(): void {
    for (const call of [...this.#byApplication.values()].flatMap((calls) => [...calls])) call.cut();
  }
}
