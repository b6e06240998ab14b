import { ProblemException } from './problem-exception.js';
import { problemType, type FieldError } from './problem.js';

/** What a decider says when it refuses, as the outcome in the log carries it: everything but the request's own part. */
export interface Refusal {
  readonly status: number;
  /** The stable name of the refusal, with or without the `urn:gatehouse:problem:` before it. */
  readonly type: string;
  readonly title: string;
  readonly detail?: string;
  readonly errors?: readonly FieldError[];
}

/** The response to a refused command. A status outside 400 to 499 is a fault of the decider and answers 500. */
export function refusalToProblem(refusal: Refusal): ProblemException {
  if (refusal.status < 400 || refusal.status > 499)
    throw new Error(`a refusal has a status of 400 to 499, not ${refusal.status}`);
  return new ProblemException({
    type:
      refusal.type.startsWith('urn:') || refusal.type.startsWith('https:') ? refusal.type : problemType(refusal.type),
    title: refusal.title,
    status: refusal.status,
    ...(refusal.detail === undefined ? {} : { detail: refusal.detail }),
    ...(refusal.errors === undefined || refusal.errors.length === 0 ? {} : { errors: refusal.errors }),
  });
}
