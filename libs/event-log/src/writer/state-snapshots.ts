import { type ContextContract, type Decider, topicsOf } from '#contracts';
import { SnapshotKeeper } from '../snapshot/snapshot-keeper.js';
import type { SnapshotContent, Snapshots } from '../snapshot/snapshots.js';
import { PartitionState, type StateItem } from './partition-state.js';

/** A state that came from a snapshot. */
export interface Loaded<C extends ContextContract, S> {
  readonly state: PartitionState<C, S>;
  /** The log cannot be folded on top of it: it goes, and the log is read from its beginning. */
  readonly discard: (reason: unknown) => Promise<void>;
}

/** The snapshots of what the writer of one partition holds. */
export class StateSnapshots<C extends ContextContract, S> {
  readonly #key: { readonly name: string; readonly partition: number; readonly version: number };
  readonly #events: string;
  readonly #outcomes: string;

  constructor(
    private readonly snapshots: Snapshots,
    private readonly decider: Decider<C, S>,
    private readonly partition: number,
  ) {
    const { events, outcomes } = topicsOf(decider.contract);
    this.#events = events.name;
    this.#outcomes = outcomes.name;
    this.#key = { name: `gatehouse.${decider.contract.context}.writer`, partition, version: decider.version };
  }

  /** The state of a snapshot that is a prefix of the log; undefined when there is none. */
  async load(): Promise<Loaded<C, S> | undefined> {
    let state = new PartitionState(this.decider);
    const now = Date.now();
    const loaded = await this.snapshots.load(
      this.#key,
      () => (state = new PartitionState(this.decider)),
      // Sound: the seal says that `contentOf` below gave it, for this version of the decider.
      (item) => state.take(item as StateItem<S>, now),
    );
    if (!loaded) return undefined;
    const next = (topic: string): bigint => loaded.reached.find((place) => place.topic === topic)?.offset ?? 0n;
    state.nextEvent = next(this.#events);
    state.nextOutcome = next(this.#outcomes);
    state.nextCommand = BigInt(loaded.facts['nextCommand'] ?? 0);
    const [lastEvent] = loaded.witnesses;
    state.lastEvent = lastEvent;
    return { state, discard: loaded.discard };
  }

  /** Keeps the snapshot fresh of what `current` gives. */
  keeper(current: () => PartitionState<C, S>): SnapshotKeeper {
    return new SnapshotKeeper(this.snapshots, this.#key, () => this.#contentOf(current()));
  }

  #contentOf(state: PartitionState<C, S>): SnapshotContent {
    const { partition } = this;
    const { nextEvent, nextOutcome, nextCommand, lastEvent } = state;
    return {
      reached: [
        { topic: this.#events, partition, offset: nextEvent },
        { topic: this.#outcomes, partition, offset: nextOutcome },
      ],
      witnesses: lastEvent ? [{ topic: this.#events, partition, ...lastEvent }] : [],
      facts: { nextCommand: String(nextCommand) },
      items: state.items(),
    };
  }
}
