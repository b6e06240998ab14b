import type { ProducerIdentity } from 'kafkajs/src/cluster/index.js';
import { Backoff } from './backoff.js';
import { certainlyNotAppended, endsProducer, isPermanent } from './broker-error.js';
import type { KeyedValue } from './fenced-producer.js';
import type { ProducePart } from './record-requests.js';

/** The record is certainly not in the log and never will be. */
export class NotAppended extends Error {
  override readonly name = 'NotAppended';
  readonly code = 'not-appended';
}

/** The record may be in the log, or may still get there: nobody knows in time. */
export class AppendUnresolved extends Error {
  override readonly name = 'AppendUnresolved';
  readonly code = 'append-unresolved';
}

export interface Appended {
  readonly offset: bigint;
}

/** A record that somebody waits for. */
export interface Waiting {
  /** Makes the record when it goes into a batch, so that what numbers records does so in the order of the log. */
  readonly make: () => KeyedValue;
  /** As it was made: it is resent as it is, and made again only when one before it was given up. */
  record: KeyedValue | undefined;
  /** In milliseconds of `performance.now()`. */
  readonly giveUpAt: number;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: Error) => void;
}

const BATCH_RECORDS = 500;
const BATCH_BYTES = 700_000;
const SEQUENCES = 2_147_483_648;

/**
 * What one partition is given, in order. One batch of it is under way at most; a batch without an acknowledgement is
 * resent, whole and with its sequence numbers, before any later record, so that the broker drops the repeat.
 */
export class AppendLane {
  /** An identity of its own: what a partition forgets of its producer starts no other's numbers anew. */
  identity: ProducerIdentity | undefined;
  readonly backoff = new Backoff(10, 500);
  readonly #queue: Waiting[] = [];
  /** What was handed to the broker and not acknowledged. */
  #batch: readonly Waiting[] = [];
  /** A request with this batch has left and its answer is not known: the batch may be in the log. */
  #isUncertain = false;
  #sequence = 0;

  constructor(
    readonly topic: string,
    readonly partition: number,
  ) {}

  /** How many records wait behind what is under way. */
  get waiting(): number {
    return this.#queue.length;
  }

  get isEmpty(): boolean {
    return this.#batch.length === 0 && this.#queue.length === 0;
  }

  add(waiting: Waiting): void {
    this.#queue.push(waiting);
  }

  identify(identity: ProducerIdentity): void {
    this.identity = identity;
    this.#sequence = 0;
  }

  /** The batch that is to be sent now, of a lane that has an identity and is not empty. */
  next(): ProducePart {
    if (!this.identity) throw new Error(`${this.topic}:${this.partition} has no producer's identity yet`);
    if (this.#batch.length === 0) this.#batch = this.#take();
    const { producerId, producerEpoch } = this.identity;
    return {
      topic: this.topic,
      partition: this.partition,
      producerId: BigInt(producerId),
      producerEpoch,
      firstSequence: this.#sequence,
      records: this.#batch.flatMap(({ record }) => record ?? []),
    };
  }

  /** All in-sync replicas have the batch. */
  acknowledged(firstOffset: bigint): void {
    const done = this.#batch;
    this.#sequence = (this.#sequence + done.length) % SEQUENCES;
    this.#batch = [];
    this.#isUncertain = false;
    this.backoff.reset();
    let offset = firstOffset;
    for (const waiting of done) waiting.resolve({ offset: offset++ });
  }

  /** The batch was sent, and the broker refused it, or said nothing. */
  unacknowledged(error: unknown): void {
    this.#isUncertain ||= !certainlyNotAppended(error);
    this.failed(error);
  }

  /**
   * After a failure, of sending or before it. A batch that may be in the log keeps its sequence numbers and is resent
   * whole; its callers are told at their deadline. A batch that certainly is not falls apart: what is still in time
   * goes first again.
   */
  failed(error: unknown): void {
    if (endsProducer(error)) this.identity = undefined;
    const now = performance.now();
    const place = `${this.topic}:${this.partition}`;
    if (!this.#isUncertain) {
      const isLate = ({ giveUpAt }: Waiting) => isPermanent(error) || now >= giveUpAt;
      const late = this.#batch.filter(isLate);
      this.#queue.unshift(...this.#batch.filter((waiting) => !isLate(waiting)));
      this.#batch = [];
      this.#giveUp(late, () => new NotAppended(`${place} took nothing`, { cause: error }));
    } else if (this.#batch.every(({ giveUpAt }) => now >= giveUpAt)) {
      // Nobody waits any more. The sequence numbers are spent; a new identity starts from 0.
      const late = this.#batch;
      this.#batch = [];
      this.#isUncertain = false;
      this.identity = undefined;
      this.#giveUp(late, () => new AppendUnresolved(`${place} did not acknowledge in time`, { cause: error }));
    }
    // Records behind a stuck batch never left: they are told so at their own deadline.
    const inTime = this.#queue.findIndex(({ giveUpAt }) => now < giveUpAt);
    const late = this.#queue.splice(0, inTime < 0 ? this.#queue.length : inTime);
    this.#giveUp(late, () => new NotAppended(`${place} took nothing in time`, { cause: error }));
  }

  /** What comes behind a record that is given up is made again, so that its number leaves no gap. */
  #giveUp(late: readonly Waiting[], why: () => Error): void {
    if (late.length === 0) return;
    for (const waiting of this.#queue) {
      if (waiting.record === undefined) break;
      waiting.record = undefined;
    }
    for (const waiting of late) waiting.reject(why());
  }

  #take(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const waiting of this.#queue) {
      waiting.record ??= waiting.make();
      bytes += Buffer.byteLength(waiting.record.value);
      if (count === BATCH_RECORDS || (count > 0 && bytes > BATCH_BYTES)) break;
      count++;
    }
    return this.#queue.splice(0, count);
  }
}
