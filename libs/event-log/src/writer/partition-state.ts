import {
  type ContextContract,
  type Decider,
  type EventOf,
  type Outcome,
  type Recorded,
  type RecordedOutcome,
  refusesAsUnauthentic,
} from '#contracts';

/** How long the answer to a command is remembered for a retry. */
export const REMEMBERED_MS = 24 * 3_600_000;

export interface Aggregate<S> {
  readonly state: S;
  readonly version: number;
  /** Where its last event stands in the events topic. */
  readonly offset: bigint;
}

/** What is remembered of a decided command: enough to answer a retry, not the resource. */
export type Remembered = Omit<Outcome, 'resource' | 'repeated'> & {
  readonly subject: string;
  readonly decidedAt: number;
};

/** One thing of a state, as a snapshot keeps it. */
export type StateItem<S> =
  readonly ['aggregate', subject: string, version: number, offset: string, state: S] | readonly ['answer', Remembered];

/**
 * What the writer of one partition holds: its aggregates, the answers of the last 24 hours, and how far the log was
 * read. Everything here is folded from the log; nothing is written anywhere else.
 */
export class PartitionState<C extends ContextContract, S> {
  readonly #aggregates = new Map<string, Aggregate<S>>();
  readonly #remembered = new Map<string, Remembered>();
  nextEvent = 0n;
  nextOutcome = 0n;
  /** The first command that is not decided: one after the highest that an event or outcome names. */
  nextCommand = 0n;
  /** The last event that is folded. */
  lastEvent: { readonly id: string; readonly offset: bigint } | undefined;

  constructor(private readonly decider: Decider<C, S>) {}

  aggregate(subject: string): Aggregate<S> | undefined {
    return this.#aggregates.get(subject);
  }

  replace(subject: string, aggregate: Aggregate<S>): void {
    this.#aggregates.set(subject, aggregate);
  }

  apply(event: Recorded<EventOf<C>>, offset: bigint): void {
    const { subject, version, commandOffset } = event.meta;
    const before = this.#aggregates.get(subject);
    const expected = (before?.version ?? 0) + 1;
    // Control records leave gaps in offsets, so an aggregate's own count is what shows a loss.
    if (version !== expected)
      throw new Error(
        `event ${event.meta.id} is version ${version} of ${subject}, expected ${expected}: the log has a gap`,
      );
    this.#aggregates.set(subject, { state: this.decider.evolve(before?.state, event), version, offset });
    this.nextEvent = offset + 1n;
    this.lastEvent = { id: event.meta.id, offset };
    this.#decided(commandOffset);
  }

  note({ outcome, subject, time, commandOffset }: Omit<RecordedOutcome, 'actor'>, offset: bigint, now: number): void {
    this.nextOutcome = offset + 1n;
    this.#decided(commandOffset);
    const decidedAt = Date.parse(time);
    if (refusesAsUnauthentic(outcome)) return;
    if (outcome.status === 'expired' || outcome.repeated === true || now - decidedAt > REMEMBERED_MS) return;
    // The first answer stays: a later one under the same id refused another body.
    if (this.#remembered.has(outcome.commandId)) return;
    const { resource: _resource, repeated: _repeated, ...answer } = outcome;
    this.remember({ ...answer, subject, decidedAt });
  }

  remember(answer: Remembered): void {
    this.#remembered.set(answer.commandId, answer);
    // Insertion order is the order of decision: the oldest stand first.
    for (const [id, { decidedAt }] of this.#remembered) {
      if (answer.decidedAt - decidedAt <= REMEMBERED_MS) break;
      this.#remembered.delete(id);
    }
  }

  recall(commandId: string): Remembered | undefined {
    return this.#remembered.get(commandId);
  }

  /** All that is held now, whatever is folded while the items are taken: states are never changed in place. */
  items(): Iterable<StateItem<S>> {
    const subjects = [...this.#aggregates.keys()];
    const aggregates = [...this.#aggregates.values()];
    const answers = [...this.#remembered.values()];
    return (function* (): Generator<StateItem<S>> {
      for (const [index, { state, version, offset }] of aggregates.entries())
        yield ['aggregate', subjects[index] ?? '', version, String(offset), state];
      for (const answer of answers) yield ['answer', answer];
    })();
  }

  /** Puts back what `items` gave. */
  take(item: StateItem<S>, now: number): void {
    if (item[0] === 'aggregate') {
      const [, subject, version, offset, state] = item;
      this.#aggregates.set(subject, { state, version, offset: BigInt(offset) });
    } else if (now - item[1].decidedAt <= REMEMBERED_MS) {
      this.#remembered.set(item[1].commandId, item[1]);
    }
  }

  #decided(commandOffset: bigint): void {
    if (commandOffset >= this.nextCommand) this.nextCommand = commandOffset + 1n;
  }
}
