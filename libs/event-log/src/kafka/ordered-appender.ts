import type { Broker } from 'kafkajs/src/cluster/index.js';
import { AppendLane, type Appended, NotAppended } from './append-lane.js';
import type { KeyedValue } from './fenced-producer.js';
import { LogConnection, type LogSettings } from './log-connection.js';
import { produce, type Produced } from './record-requests.js';

export interface AppenderOptions {
  /** How long `append` tries before it gives the record up, in milliseconds. */
  readonly deadlineMs: number;
  /** How long `close` waits for what was handed over, in milliseconds; to its deadline where nothing is said. */
  readonly closeWithinMs?: number;
  /** What may wait in memory for one partition before `append` refuses. */
  readonly maxWaiting?: number;
}

const PRODUCE_TIMEOUT_MS = 4_000;

/**
 * Appends records to partitions, in order and in batches, acknowledged by all in-sync replicas.
 *
 * One request is under way for each leader, with a batch of every partition of its that has something; what comes
 * meanwhile goes with the next one. A broker takes the requests of a connection one after the other, so that a second
 * one would wait there and not here. Each partition is answered for itself, and what fails is that partition's alone
 * (docs/adr/0034).
 *
 * A batch without an acknowledgement is resent with its sequence numbers, before any later record of its partition, so
 * that the broker drops the repeat; only when the broker has forgotten the producer can a record be doubled, and then
 * it carries the same id or number, by which readers drop it. kafkajs's idempotent producer reorders and repeats
 * instead (its issues 1005, 1303).
 */
export class OrderedAppender {
  readonly #connection: LogConnection;
  readonly #lanes = new Map<string, AppendLane>();
  /** Those that have something, from its coming until all of it is settled. */
  readonly #busy = new Set<AppendLane>();
  /** Those that go with the next round. */
  #ready: AppendLane[] = [];
  /** Leaders with a request under way, and who waits for its end. */
  readonly #asked = new Map<Broker, AppendLane[]>();
  #refreshing: Promise<void> | undefined;
  readonly #stopping = new AbortController();
  #onIdle: (() => void) | undefined;
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
    if (lane.waiting >= (this.options.maxWaiting ?? 50_000))
      return Promise.reject(new NotAppended(`too many records wait for ${topic}:${partition}`));
    return new Promise((resolve, reject) => {
      lane.add({
        make: typeof record === 'function' ? record : () => record,
        record: undefined,
        giveUpAt: performance.now() + this.options.deadlineMs,
        resolve,
        reject,
      });
      if (this.#busy.has(lane)) return;
      this.#busy.add(lane);
      this.#gather(lane);
    });
  }

  /** Waits for what was handed over, at most to its deadline, then closes the connection. */
  async close(): Promise<void> {
    this.#closed = true;
    const { closeWithinMs } = this.options;
    if (this.#busy.size > 0)
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
        if (closeWithinMs !== undefined) setTimeout(resolve, closeWithinMs);
      });
    this.#stopping.abort();
    await this.#connection.close();
  }

  #lane(topic: string, partition: number): AppendLane {
    const key = `${topic}:${partition}`;
    let lane = this.#lanes.get(key);
    if (!lane) this.#lanes.set(key, (lane = new AppendLane(topic, partition)));
    return lane;
  }

  /** Puts a lane into the next round: whatever the sockets bring in this turn of the event loop goes together. */
  #gather(lane: AppendLane): void {
    this.#ready.push(lane);
    if (this.#ready.length === 1) setImmediate(() => this.#round());
  }

  #round(): void {
    const lanes = this.#ready;
    this.#ready = [];
    const byLeader = new Map<Broker, AppendLane[]>();
    for (const lane of lanes) {
      const leader = lane.identity && this.#connection.leaderAtHand(lane.topic, lane.partition);
      if (!leader) {
        void this.#prepare(lane);
        continue;
      }
      const together = this.#asked.get(leader) ?? byLeader.get(leader);
      if (together) together.push(lane);
      else byLeader.set(leader, [lane]);
    }
    for (const [leader, led] of byLeader) void this.#send(leader, led);
  }

  /** Finds out what a lane needs before anything of it can be sent. */
  async #prepare(lane: AppendLane): Promise<void> {
    try {
      const leader = await this.#connection.leaderOf(lane.topic, lane.partition);
      if (!lane.identity) lane.identify(await leader.initProducerId({ transactionTimeout: PRODUCE_TIMEOUT_MS }));
    } catch (error) {
      lane.failed(error);
      await this.#tryAgain(lane, error);
      return;
    }
    this.#gather(lane);
  }

  async #send(leader: Broker, lanes: readonly AppendLane[]): Promise<void> {
    const behind: AppendLane[] = [];
    this.#asked.set(leader, behind);
    const parts = lanes.map((lane) => lane.next());
    const answers = await produce(leader, { timeoutMs: PRODUCE_TIMEOUT_MS, parts }).catch((error: unknown) =>
      lanes.map((): Produced => ({ error })),
    );
    this.#asked.delete(leader);
    for (const [at, lane] of lanes.entries()) this.#answered(lane, answers[at] ?? { error: new Error('no answer') });
    for (const lane of behind) this.#gather(lane);
  }

  #answered(lane: AppendLane, answer: Produced): void {
    if ('error' in answer) {
      lane.unacknowledged(answer.error);
      void this.#tryAgain(lane, answer.error);
      return;
    }
    lane.acknowledged(answer.offset);
    if (lane.isEmpty) this.#rest(lane);
    else this.#gather(lane);
  }

  async #tryAgain(lane: AppendLane, error: unknown): Promise<void> {
    this.settings.sink.debug({ err: error, topic: lane.topic, partition: lane.partition }, 'append failed');
    if (lane.isEmpty) {
      this.#rest(lane);
      return;
    }
    this.#refreshing ??= this.#connection.refresh().finally(() => (this.#refreshing = undefined));
    await this.#refreshing;
    await lane.backoff.wait(this.#stopping.signal);
    // Whoever closed it does not wait any more for what is left.
    if (!this.#stopping.signal.aborted) this.#gather(lane);
  }

  #rest(lane: AppendLane): void {
    this.#busy.delete(lane);
    if (this.#busy.size === 0) this.#onIdle?.();
  }
}
