import type { Broker, ProducerIdentity } from 'kafkajs/src/cluster/index.js';
import { Backoff } from './backoff.js';
import { certainlyNotAppended, endsProducer, isPermanent } from './broker-error.js';
import type { KeyedValue } from './fenced-producer.js';
import { LogConnection, type LogSettings } from './log-connection.js';
import { produce } from './record-requests.js';

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

interface Waiting {
  /** Makes the record when it first goes into a batch, so that what numbers records does so in the order of the log. */
  readonly make: () => KeyedValue;
  record: KeyedValue | undefined;
  readonly giveUpAt: number;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: Error) => void;
}

interface Lane {
  readonly topic: string;
  readonly partition: number;
  readonly queue: Waiting[];
  /** What was handed to the broker and not acknowledged: it is resent, whole and unchanged, before anything later. */
  batch: Waiting[];
  /** A request with this batch has left and its answer is not known: the batch may be in the log. */
  uncertain: boolean;
  sequence: number;
  identity: ProducerIdentity | undefined;
  running: boolean;
}

const PRODUCE_TIMEOUT_MS = 4_000;
const BATCH_RECORDS = 500;
const BATCH_BYTES = 700_000;

export interface AppenderOptions {
  /** How long records are gathered before a batch leaves, in milliseconds; 0 sends at once what has come together. */
  readonly lingerMs?: number;
  /** How long `append` tries before it gives the record up, in milliseconds. */
  readonly deadlineMs: number;
  /** What may wait in memory for one partition before `append` refuses. */
  readonly maxWaiting?: number;
}

/**
 * Appends records to partitions, in order and in batches, acknowledged by all in-sync replicas.
 *
 * One batch is under way per partition. A batch without an acknowledgement is resent with its sequence numbers, before
 * any later record, so that the broker drops the repeat; only when the broker has forgotten the producer can a record
 * be doubled, and then it carries the same id or number, by which readers drop it. kafkajs's idempotent producer
 * reorders and repeats instead (its issues 1005, 1303).
 */
export class OrderedAppender {
  readonly #connection: LogConnection;
  readonly #lanes = new Map<string, Lane>();
  readonly #stopping = new AbortController();
  readonly #onIdle = new Map<Lane, () => void>();
  #closed = false;

  constructor(
    private readonly settings: LogSettings,
    private readonly options: AppenderOptions,
  ) {
    this.#connection = new LogConnection(settings);
  }

  /**
   * Resolves when all in-sync replicas have the record.
   *
   * @throws NotAppended     the record certainly did not reach the log
   * @throws AppendUnresolved no acknowledgement in time; the record may be in the log
   */
  append(topic: string, partition: number, record: KeyedValue | (() => KeyedValue)): Promise<Appended> {
    if (this.#closed) return Promise.reject(new NotAppended('this appender is closed'));
    const lane = this.#lane(topic, partition);
    if (lane.queue.length >= (this.options.maxWaiting ?? 50_000)) {
      return Promise.reject(new NotAppended(`too many records wait for ${topic}:${partition}`));
    }
    return new Promise((resolve, reject) => {
      const make = typeof record === 'function' ? record : () => record;
      lane.queue.push({
        make,
        record: undefined,
        giveUpAt: performance.now() + this.options.deadlineMs,
        resolve,
        reject,
      });
      if (!lane.running) void this.#run(lane);
    });
  }

  /** Waits for what was handed over, at most to its deadline, then closes the connection. */
  async close(): Promise<void> {
    this.#closed = true;
    const pending = [...this.#lanes.values()].filter(({ running }) => running);
    await Promise.all(pending.map((lane) => new Promise<void>((resolve) => this.#onIdle.set(lane, resolve))));
    this.#stopping.abort();
    await this.#connection.close();
  }

  #lane(topic: string, partition: number): Lane {
    const key = `${topic}:${partition}`;
    let lane = this.#lanes.get(key);
    if (!lane) {
      lane = {
        topic,
        partition,
        queue: [],
        batch: [],
        uncertain: false,
        sequence: 0,
        identity: undefined,
        running: false,
      };
      this.#lanes.set(key, lane);
    }
    return lane;
  }

  async #run(lane: Lane): Promise<void> {
    lane.running = true;
    const backoff = new Backoff(10, 500);
    // Records of the same tick travel together even without a linger.
    await gather(this.options.lingerMs ?? 0);
    while (lane.batch.length > 0 || lane.queue.length > 0) {
      if (lane.batch.length === 0) lane.batch = takeBatch(lane.queue);
      try {
        const offset = await this.#send(lane);
        const done = lane.batch;
        lane.sequence = (lane.sequence + done.length) % 2_147_483_648;
        lane.batch = [];
        lane.uncertain = false;
        done.forEach((waiting, index) => waiting.resolve({ offset: offset + BigInt(index) }));
        backoff.reset();
      } catch (error) {
        this.settings.sink.debug({ err: error, topic: lane.topic, partition: lane.partition }, 'append failed');
        this.#settleFailed(lane, error);
        if (lane.batch.length === 0 && lane.queue.length === 0) break;
        await this.#connection.refresh();
        await backoff.wait(this.#stopping.signal);
      }
    }
    lane.running = false;
    this.#onIdle.get(lane)?.();
  }

  async #send(lane: Lane): Promise<bigint> {
    const { topic, partition } = lane;
    const leader: Broker = await this.#connection.leaderOf(topic, partition);
    if (!lane.identity) {
      const { producerId, producerEpoch } = await leader.initProducerId({ transactionTimeout: PRODUCE_TIMEOUT_MS });
      lane.identity = { producerId, producerEpoch };
      lane.sequence = 0;
    }
    const request = {
      topic,
      partition,
      producerId: BigInt(lane.identity.producerId),
      producerEpoch: lane.identity.producerEpoch,
      firstSequence: lane.sequence,
      timeoutMs: PRODUCE_TIMEOUT_MS,
      records: lane.batch.flatMap(({ record }) => (record ? [record] : [])),
    };
    return await produce(leader, request).catch((error: unknown) => {
      lane.uncertain ||= !certainlyNotAppended(error);
      throw error;
    });
  }

  /**
   * After a failed batch. A batch that may be in the log keeps its sequence numbers and is resent whole; its callers
   * are told at their deadline. A batch that certainly is not falls apart: what is still in time goes first again.
   */
  #settleFailed(lane: Lane, error: unknown): void {
    if (endsProducer(error)) lane.identity = undefined;
    const now = performance.now();
    if (!lane.uncertain) {
      const [late, inTime] = partition(lane.batch, (waiting) => isPermanent(error) || now >= waiting.giveUpAt);
      for (const waiting of late)
        waiting.reject(new NotAppended(`${lane.topic}:${lane.partition} took nothing`, { cause: error }));
      lane.batch = [];
      // Nothing of the batch is in the log: what is tried again is made again, after those that were given up.
      lane.queue.unshift(...inTime.map((waiting) => ({ ...waiting, record: undefined })));
    } else if (lane.batch.every((waiting) => now >= waiting.giveUpAt)) {
      // Nobody waits any more. The sequence numbers are spent; a new identity starts from 0.
      for (const waiting of lane.batch)
        waiting.reject(
          new AppendUnresolved(`${lane.topic}:${lane.partition} did not acknowledge in time`, { cause: error }),
        );
      lane.batch = [];
      lane.uncertain = false;
      lane.identity = undefined;
    }
    // Records behind a stuck batch never left: they are told so at their own deadline.
    while (lane.queue[0] && now >= lane.queue[0].giveUpAt) {
      lane.queue
        .shift()
        ?.reject(new NotAppended(`${lane.topic}:${lane.partition} took nothing in time`, { cause: error }));
    }
  }
}

function partition<T>(items: readonly T[], test: (item: T) => boolean): [T[], T[]] {
  const { true: passed = [], false: failed = [] } = Object.groupBy(items, (item) => (test(item) ? 'true' : 'false'));
  return [passed, failed];
}

function takeBatch(queue: Waiting[]): Waiting[] {
  let bytes = 0;
  let count = 0;
  while (count < queue.length && count < BATCH_RECORDS) {
    const waiting = queue[count];
    if (!waiting) break;
    waiting.record ??= waiting.make();
    bytes += Buffer.byteLength(waiting.record.value);
    if (count > 0 && bytes > BATCH_BYTES) break;
    count++;
  }
  return queue.splice(0, count);
}

async function gather(lingerMs: number): Promise<void> {
  await new Promise<void>((resolve) => (lingerMs > 0 ? setTimeout(resolve, lingerMs) : setImmediate(resolve)));
}
