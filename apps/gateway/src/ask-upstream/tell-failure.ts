import { fhirError, type FhirError } from '../proxy/operation-outcome.js';
import type { BodyRefused } from './read-body.js';

export const broken = fhirError(503, 'transient', 'The FHIR server is not asked now: it failed too often.', {
  'Retry-After': '5',
});
export const tooMany = fhirError(429, 'throttled', 'Too many calls of this application wait for the FHIR server.', {
  'Retry-After': '1',
});
export const noPlace = fhirError(503, 'transient', 'As many large answers as may be are on their way now.', {
  'Retry-After': '30',
});
export const noAnswer = fhirError(502, 'transient', 'The FHIR server did not answer.');
export const tooSlow = fhirError(504, 'timeout', 'The FHIR server did not answer in time.');

const refusedToUser = fhirError(403, 'forbidden', 'The FHIR server does not let this user ask for this.');

export const noResource = fhirError(502, 'transient', 'The FHIR server did not give a resource.');

export function toldOfBody({ why }: BodyRefused): FhirError {
  switch (why) {
    case 'too-large':
      return fhirError(502, 'too-costly', 'The FHIR server’s answer is larger than the gateway takes; ask for less.');
    case 'no-memory':
      return fhirError(503, 'transient', 'The gateway holds too many large answers now.', { 'Retry-After': '2' });
    case 'no-place':
      return tooMany;
    case 'too-slow':
      return tooSlow;
    case 'unknown-encoding':
      return noAnswer;
    default:
      return why satisfies never;
  }
}

/**
 * Nothing that the upstream says of an error is handed on; a deleted resource is one that is not there.
 *
 * @param asUser what was asked for where the server was told who acts: what it refuses to that user is not there for them
 */
export function toldOf(status: number, asUser?: string): FhirError {
  if (status === 403 && asUser !== undefined)
    return /^\/[A-Za-z]+\/[A-Za-z0-9\-.]+([/?]|$)/.test(asUser) ? toldOf(404) : refusedToUser;
  if (status === 404 || status === 410) return fhirError(404, 'not-found', 'There is no such resource.');
  if (status === 400 || status === 422) return fhirError(400, 'invalid', 'The FHIR server does not take this request.');
  return noResource;
}
