import type { CommandOf, ContextContract, EventOf } from './definition.js';
import type { Addressed, Recorded } from './envelope.js';
import type { Refusal } from './outcome.js';

/** What a decider says to a command: events, perhaps none when there is nothing to change, or a refusal. */
export type Decision<E> =
  | { readonly kind: 'accepted'; readonly events: readonly E[] }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/**
 * Where a domain decides. Pure functions: time, ids and everything that is not the aggregate's own state come in with
 * the command. `undefined` is the state of an aggregate that does not exist. A state is JSON, so that it fits a
 * snapshot, and is never changed in place.
 */
export interface Decider<C extends ContextContract, S> {
  readonly contract: C;
  /** Raised whenever `evolve` or the shape of the state changes: older snapshots are then ignored. */
  readonly version: number;
  decide(state: S | undefined, command: Addressed<CommandOf<C>>): Decision<EventOf<C>>;
  evolve(state: S | undefined, event: Recorded<EventOf<C>>): S;
  /** The aggregate as a `GET` shows it; it goes with the outcome, so that an answer needs no database. */
  view(state: S, version: number): unknown;
}

export function accept<E>(...events: readonly E[]): Decision<E> {
  return { kind: 'accepted', events };
}

export function refuse(refusal: Refusal): { readonly kind: 'refused'; readonly refusal: Refusal } {
  return { kind: 'refused', refusal };
}
