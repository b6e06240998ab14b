import type { ContextContract, Outcome } from '#contracts';
import type { KeyedValue } from '../kafka/fenced-producer.js';
import type { Decided } from './decide-batch.js';

/** Records of one produce request stay well below a topic's largest. */
const REQUEST_BYTES = 600_000;

/** A decided command with its outcome, and where its own last event stands. */
export interface Answered<C extends ContextContract> {
  readonly decided: Decided<C>;
  readonly outcome: ReturnType<Decided<C>['outcome']>;
  readonly lastEvent: bigint | undefined;
}

/** Gives each command the offsets of its own events, in the order in which they were appended. */
export function withOutcomes<C extends ContextContract>(
  decided: readonly Decided<C>[],
  offsets: readonly bigint[],
): Answered<C>[] {
  let next = 0;
  const outcomes = new Map<Decided<C>, Answered<C>['outcome']>();
  const lastOf = new Map<string, bigint>();
  return decided.map((one) => {
    next += one.events.length;
    const lastEvent = one.events.length > 0 ? offsets[next - 1] : undefined;
    if (lastEvent !== undefined) lastOf.set(one.subject, lastEvent);
    const first = one.repeats && outcomes.get(one.repeats);
    // A command that had nothing to change answers with what an earlier one of the same batch did.
    const outcome = first ? { ...first, repeated: true } : one.outcome(lastOf.get(one.subject));
    outcomes.set(one, outcome);
    return { decided: one, outcome, lastEvent };
  });
}

/** An outcome whose resource is too large for a record goes without it: the answer is then read elsewhere. */
export function encodeWithin(outcome: Outcome, encode: (outcome: Outcome) => string): string {
  const value = encode(outcome);
  if (Buffer.byteLength(value) <= REQUEST_BYTES) return value;
  const { resource: _resource, ...rest } = outcome;
  return encode(rest);
}

/** Records in their order, in requests that a broker takes. */
export function portions(records: readonly KeyedValue[]): KeyedValue[][] {
  const found: KeyedValue[][] = [];
  let bytes = 0;
  for (const record of records) {
    const last = found.at(-1);
    const size = Buffer.byteLength(record.value);
    if (last && bytes + size <= REQUEST_BYTES) {
      last.push(record);
      bytes += size;
    } else {
      found.push([record]);
      bytes = size;
    }
  }
  return found;
}
