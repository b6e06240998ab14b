import type { FhirError } from '../proxy/operation-outcome.js';

/** The FHIR server gave no resource; what the caller is told instead. */
export class UpstreamFailed extends Error {
  override readonly name = 'UpstreamFailed';
  readonly code = 'upstream-failed';
  constructor(
    readonly answer: FhirError,
    options?: ErrorOptions & {
      readonly isItsFault?: boolean;
      readonly upstreamStatus?: number;
      readonly wasSent?: false;
    },
  ) {
    super(`the upstream gave no resource (${answer.status})`, options);
    this.isItsFault = options?.isItsFault ?? false;
    this.upstreamStatus = options?.upstreamStatus;
    this.wasSent = options?.wasSent ?? true;
  }
  /** False where no byte of the request can have reached it, though a connection was asked to carry it. */
  readonly wasSent: boolean;
  /** What it answered; undefined where it did not. */
  readonly upstreamStatus: number | undefined;
  /** It was not there, or not able: counts for the circuit breaker. What one request alone can bring about does not. */
  readonly isItsFault: boolean;
}

/** Whether what the FHIR server gave is larger than is taken, so that nobody looked at it. */
export function isTooLarge(error: unknown): boolean {
  const { answer } = error instanceof UpstreamFailed ? error : {};
  return answer?.body.issue[0].code === 'too-costly';
}

/** What is in force changed before the request was sent. */
export class NoLongerAllowed extends Error {
  override readonly name = 'NoLongerAllowed';
  readonly code = 'no-longer-allowed';
}
