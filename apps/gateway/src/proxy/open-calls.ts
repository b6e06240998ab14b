import type { ServerResponse } from 'node:http';
import { UnderWay } from '#host';
import { cutAnswer } from './send-answer.js';

/** A call that was let in and has not ended. */
export interface OpenCall {
  readonly applicationId: string;
  /** Whether it may still go on, by what is in force now. */
  readonly isAllowed: () => boolean;
  /** Ends it in this tick: nothing more goes upstream or to the caller. */
  readonly cut: () => void;
}

/** The calls under way, so that a closure ends them before it is reported. */
export class OpenCalls {
  readonly #underWay = new UnderWay<OpenCall>();

  /** Opens a call; the function that it gives back ends it. */
  open(call: OpenCall): () => void {
    return this.#underWay.begin(call);
  }

  /**
   * Opens a call that is answered on `response`. Cut, what it does upstream ends by `cut`, and so does an answer that is on its way.
   *
   * @returns `end` ends the call
   */
  answering(
    { applicationId, isAllowed }: Omit<OpenCall, 'cut'>,
    response: ServerResponse,
  ): { readonly cut: AbortController; readonly end: () => void } {
    const cut = new AbortController();
    const end = this.open({
      applicationId,
      isAllowed,
      cut: () => {
        cut.abort();
        // A refusal of ours holds nothing of the record: cut off, it would take the connection's next call with it.
        if (response.headersSent && response.statusCode < 400) cutAnswer(response);
      },
    });
    return { cut, end };
  }

  /** The application's access was closed or narrowed: cuts what is no longer allowed. */
  lookAgain(applicationId: string): void {
    for (const call of this.#underWay.all) if (call.applicationId === applicationId && !call.isAllowed()) call.cut();
  }

  /** Nobody may be let in any more: cuts whatever is under way. */
  cutAll(): void {
    for (const call of this.#underWay.all) call.cut();
  }
}
