import type { BodyLease } from '../ask-upstream/body-memory.js';
import { type FhirError, fhirError, notNow } from '../proxy/operation-outcome.js';

/** How much one Bundle may be. */
export interface BundleLimits {
  /** How many entries it has at most. */
  readonly entries: number;
  /** Of its answer, in bytes. */
  readonly answerBytes: number;
  /** After this nothing of it is begun any more, in milliseconds. */
  readonly timeMs: number;
}

/** What one Bundle may still do. */
export class BundleBounds {
  readonly #deadline: number;
  #left: number;
  #stopped: FhirError | undefined;

  constructor(
    { answerBytes, timeMs }: BundleLimits,
    private readonly signal: AbortSignal,
    private readonly memory: BodyLease,
    /** Milliseconds. */
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#deadline = now() + timeMs;
    this.#left = answerBytes;
  }

  /** Nothing more of it is to be begun. */
  stop(why: FhirError): void {
    this.#stopped ??= why;
  }

  /** Why nothing more of it is begun, if so. */
  stopped(): FhirError | undefined {
    if (this.#stopped) return this.#stopped;
    // Its caller is gone, or its access was closed.
    if (this.signal.aborted) return gone;
    return this.now() > this.#deadline ? tooLong : undefined;
  }

  /** Whether there is room for so many bytes of answer more. */
  take(bytes: number): boolean {
    if (bytes > this.#left || !this.memory.take(bytes)) return false;
    this.#left -= bytes;
    return true;
  }
}

const gone = notNow('The Bundle was cut off before this entry.');
const tooLong = fhirError(504, 'timeout', 'The Bundle took too long; this entry was not carried out.');
