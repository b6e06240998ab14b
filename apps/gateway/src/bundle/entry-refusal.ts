import { isPlaceholder, refersTo } from '#smart';
import type { CallDecision } from '../decide-call/decide-call.js';
import { type FhirError, fhirError } from '../proxy/operation-outcome.js';
import { type Denied, notCarriedOut, toldOf } from '../proxy/tell-refusal.js';
import { malformed, unsupported } from '../write/read-written-body.js';
import type { EntryCall } from './bundle-call.js';

/** Why an entry is not carried out: what its caller is told, and what is recorded of it. */
export interface Refusal {
  readonly answer: FhirError;
  readonly denied: Denied;
}

/** Of something that the gateway does not carry out. */
export function refusalBy(answer: FhirError, reason: string): Refusal {
  return { answer, denied: notCarriedOut({ answer, reason }) };
}

/**
 * Why an entry is refused by what it says and by the decision of the call that it would be by itself; undefined when it is
 * not.
 */
export function refusalOf({ entry, call }: EntryCall, decision: CallDecision): Refusal | undefined {
  if (!entry.ok) {
    const { answer, reason } = (entry.why === 'malformed' ? malformed : unsupported)(entry.reason);
    return refusalBy(answer, reason);
  }
  if (decision.outcome === 'deny') return { answer: toldOf(decision, call.claims), denied: decision };
  switch (call.interaction.kind) {
    case 'batch-or-transaction':
      return refusalBy(fhirError(403, 'not-supported', 'A Bundle is no entry of another.'), 'a Bundle in a Bundle');
    case 'capabilities':
      return refusalBy(
        fhirError(403, 'not-supported', 'The CapabilityStatement is read by itself, at /metadata.'),
        'capabilities in a Bundle',
      );
    default:
      return undefined;
  }
}

/** The names of entries that count within their Bundle alone, in small letters. */
export function placeholdersIn(entries: readonly EntryCall[]): ReadonlySet<string> {
  return new Set(
    entries.flatMap(({ entry }) =>
      entry.ok && entry.fullUrl !== undefined && isPlaceholder(entry.fullUrl) ? [entry.fullUrl.toLowerCase()] : [],
    ),
  );
}

/** An entry of a batch stands by itself (R4, RESTful API, 3.1.0.11): one that names another is refused. */
export function refusalOfReferences({ entry }: EntryCall, names: ReadonlySet<string>): Refusal | undefined {
  if (!entry.ok || !refersTo(entry.body, names)) return undefined;
  const { answer, reason } = malformed(
    'an entry of a batch refers to another one, which only a transaction can carry out',
  );
  return refusalBy(answer, reason);
}
