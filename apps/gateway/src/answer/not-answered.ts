import { fhirError, type FhirError } from '../proxy/operation-outcome.js';

/** The call is answered with an error instead. */
export class NotAnswered extends Error {
  override readonly name = 'NotAnswered';
  readonly code = 'not-answered';
  constructor(
    readonly answer: FhirError,
    /** For the log: why what the FHIR server gave is not handed on. */
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(reason, options);
  }
}

/** 404, the same for an id that nobody has as for one that may not be seen. */
export function notThere(reason: string): NotAnswered {
  return new NotAnswered(fhirError(404, 'not-found', 'There is no such resource.'), reason);
}

export function wrongAnswer(reason: string): NotAnswered {
  return new NotAnswered(fhirError(502, 'transient', 'The FHIR server did not give a resource.'), reason);
}

export function tooCostly(): NotAnswered {
  const text = 'This search goes through more than the gateway looks at in one call; narrow it.';
  return new NotAnswered(fhirError(403, 'too-costly', text), 'too many requests to the FHIR server');
}
