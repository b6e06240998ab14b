import { activityTopic, UNKNOWN_APPLICATION } from '#contracts';
import type { ActivityPort } from '../append/activity-appender.js';
import { Backoff } from '../kafka/backoff.js';
import type { LogSink } from '../sink/log-sink.js';

/** A commit is marked in each partition of its transaction: one offset behind its records. */
const MARKER = 1n;
/** How often what stands at others' offsets is asked for, before it is told without having been seen. */
const TRIES = 3;

/**
 * Gives the offsets from `from` to `to` at which records stand, committed or not, in their order: not those of markers.
 *
 * @throws when the brokers do not answer in time
 */
export type RecordsBetween = (topic: string, from: bigint, to: bigint) => Promise<readonly bigint[]>;

/**
 * Tells what somebody else has put where this writer alone writes. Whoever has its credentials may append: the brokers tell
 * principals apart, not programs. But a writer knows each offset that it was given since it took the partition over, and
 * the log has no others (docs/adr/0030), but for markers: a coordinator that takes over from another may mark a commit twice.
 */
export class ForeignRecords {
  /** By topic, the offset that this writer's next record must get. */
  readonly #expected = new Map<string, bigint>();

  constructor(
    private readonly options: {
      readonly partition: number;
      readonly writer: string;
      readonly prefix: string;
      readonly sink: LogSink;
      readonly activity: ActivityPort | undefined;
      readonly recordsBetween: RecordsBetween;
      /** Nobody waits any more for what stands there. */
      readonly stop: AbortSignal;
    },
  ) {}

  /** The writer starts over: what comes until its next transaction is whoever's. */
  forget(): void {
    this.#expected.clear();
  }

  /**
   * A transaction that a topic was part of was committed, and these are the offsets that its records got there, in their order.
   * Where there are none nobody knows whether the commit was marked.
   */
  committed(topic: string, offsets: readonly bigint[]): void {
    if (offsets.length === 0) {
      this.#expected.delete(topic);
      return;
    }
    let expected = this.#expected.get(topic);
    for (const offset of offsets) {
      if (expected !== undefined && offset > expected) void this.#look(topic, expected, offset - 1n);
      expected = offset + 1n;
    }
    if (expected !== undefined) this.#expected.set(topic, expected + MARKER);
  }

  /** What was decided stands: no answer waits for this. */
  async #look(topic: string, from: bigint, to: bigint): Promise<void> {
    const { sink, recordsBetween, stop } = this.options;
    const backoff = new Backoff(200, 2_000);
    for (let tries = 1; !stop.aborted; tries++) {
      try {
        const found = await recordsBetween(topic, from, to);
        const [first, last] = [found[0], found.at(-1)];
        if (first !== undefined && last !== undefined) this.#report(topic, first, last);
        return;
      } catch (error) {
        sink.warn({ err: error, topic, firstOffset: String(from) }, 'what this writer has not written cannot be read');
        if (tries < TRIES) await backoff.wait(stop);
        else return this.#report(topic, from, to);
      }
    }
  }

  #report(prefixed: string, from: bigint, to: bigint): void {
    const { partition, writer, prefix, sink, activity } = this.options;
    const topic = prefixed.slice(prefix.length);
    const data = { topic, partition, firstOffset: String(from), lastOffset: String(to) };
    sink.error(data, 'somebody else has written where this writer alone may');
    const place = `${topic}:${partition}:${from}`;
    const meta = { subject: UNKNOWN_APPLICATION, actor: `system:${writer}`, correlationId: place, causationId: place };
    activity?.append({ type: 'foreign-records', data }, meta).catch((error: unknown) => {
      sink.error({ err: error, ...data }, `this could not be put on record in ${activityTopic.name}`);
    });
  }
}
