import { ContextCodec, type ContextContract, type Decider, topicsOf } from '#contracts';
import type { LogConnection } from '../kafka/log-connection.js';
import { PartitionReader } from '../kafka/partition-reader.js';
import type { LogRecord } from '../kafka/visible-records.js';
import { outcomesOf } from './outcome-codec.js';
import { type PartitionState, REMEMBERED_MS } from './partition-state.js';

/** The log's history of a partition cannot be folded onto what is held. */
export class UnusableHistory extends Error {
  override readonly name = 'UnusableHistory';
}

/** Clocks of brokers and instances may differ by this much. */
const CLOCK_TOLERANCE_MS = 3_600_000;
/** Of outcomes that nobody remembers any more the last still says which command was decided last; before it may stand markers. */
const LAST_OUTCOMES = 1_000n;

/** What happened to one partition of a context, as its writer folds it. */
export class PartitionHistory<C extends ContextContract, S> {
  readonly #codec: ContextCodec<C>;
  readonly #outcomes: ReturnType<typeof outcomesOf>;
  readonly #topics: { readonly events: string; readonly outcomes: string };

  constructor(
    private readonly connection: LogConnection,
    decider: Decider<C, S>,
    private readonly partition: number,
  ) {
    const { prefix } = connection.settings;
    const { events, outcomes } = topicsOf(decider.contract);
    this.#topics = { events: prefix + events.name, outcomes: prefix + outcomes.name };
    this.#codec = new ContextCodec(decider.contract);
    this.#outcomes = outcomesOf(decider.contract);
  }

  /**
   * Folds events and outcomes from where the state is to their ends. After the fence nobody else adds to them.
   *
   * @returns how many records were folded
   * @throws UnusableHistory
   */
  async readOn(state: PartitionState<C, S>, signal: AbortSignal): Promise<number> {
    const now = Date.now();
    const events = await this.#end(this.#topics.events);
    let records = await this.#readTo(this.#topics.events, state.nextEvent, events, signal, ({ value, offset }) =>
      state.apply(this.#codec.decodeEvent(value), offset),
    );
    const outcomes = await this.#end(this.#topics.outcomes);
    const first = await this.#firstOutcome(outcomes, now);
    const from = state.nextOutcome > first ? state.nextOutcome : first;
    records += await this.#readTo(this.#topics.outcomes, from, outcomes, signal, (record) =>
      state.note(this.#outcomes.decode(record.value, record), record.offset, now),
    );
    return records;
  }

  /** Where to begin with outcomes that a retry may still ask for, and with the last ones in any case. */
  async #firstOutcome(end: bigint, now: number): Promise<bigint> {
    const { connection, partition } = this;
    const topic = this.#topics.outcomes;
    const [starts, remembered] = await Promise.all([
      connection.offsets(topic, [partition], 'start', 'uncommitted'),
      connection.offsetsAt(topic, [partition], now - REMEMBERED_MS - CLOCK_TOLERANCE_MS),
    ]);
    const start = starts.get(partition) ?? 0n;
    const asked = remembered.get(partition) ?? end;
    const last = end - LAST_OUTCOMES;
    const from = asked < last ? asked : last;
    return from > start ? from : start;
  }

  async #end(topic: string): Promise<bigint> {
    return (await this.connection.offsets(topic, [this.partition], 'end')).get(this.partition) ?? 0n;
  }

  async #readTo(
    topic: string,
    from: bigint,
    end: bigint,
    signal: AbortSignal,
    apply: (record: LogRecord) => void,
  ): Promise<number> {
    if (from >= end) return 0;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let count = 0;
    const reader = new PartitionReader(this.connection.settings, {
      onSlice: ({ records, nextOffset }) => {
        records.forEach(apply);
        count += records.length;
        if (nextOffset >= end) resolve();
      },
      onFailure: (error) => reject(new UnusableHistory('history cannot be folded', { cause: error })),
    });
    const stop = (): void => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    reader.assign(topic, this.partition, from);
    try {
      signal.throwIfAborted();
      await promise;
      return count;
    } finally {
      signal.removeEventListener('abort', stop);
      await reader.close();
    }
  }
}
