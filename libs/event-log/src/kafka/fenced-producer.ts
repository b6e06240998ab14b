import type { Broker, ProducerIdentity } from 'kafkajs/src/cluster/index.js';
import { brokerErrorType, isFenced } from './broker-error.js';
import { Backoff } from './backoff.js';
import type { LogConnection } from './log-connection.js';
import type { TraceParent } from '../tracing/log-tracer.js';
import { produce } from './record-requests.js';

/** Another instance has taken the transactional id: this one writes nothing any more. */
export class WriterFenced extends Error {
  override readonly name = 'WriterFenced';
  readonly code = 'writer-fenced';
}

/** A transaction whose end is not known, or that failed: fence again and read what was committed. */
class TransactionUnresolved extends Error {
  override readonly name = 'TransactionUnresolved';
  readonly code = 'transaction-unresolved';
}

/** The broker aborts a transaction that stays open longer: an open one holds back every reader. */
const TRANSACTION_TIMEOUT_MS = 10_000;
const PRODUCE_TIMEOUT_MS = 4_000;
/** How long CONCURRENT_TRANSACTIONS is waited out: the coordinator is still writing the markers of the last transaction. */
const MARKERS_TIMEOUT_MS = 8_000;

export interface KeyedValue {
  readonly key: string;
  readonly value: string;
  /** Of which trace it is a part. */
  readonly traceparent?: TraceParent | undefined;
}

/**
 * The one writer of some partitions, fenced by Kafka: a producer with a transactional id of its own. `fence()` ends
 * whatever an earlier holder of the id left open and makes it unable to write; then `transact` appends to several
 * partitions all or nothing. Any error ends this identity: call `fence()` again and read what was committed.
 *
 * It speaks the protocol itself rather than through kafkajs's producer, which looks the coordinator up at every step,
 * waits 300 ms for a transaction's markers, sends EndTxn once and then stands in a state without a way out
 * (docs/adr/0002).
 */
export class FencedProducer {
  #identity: (ProducerIdentity & { readonly coordinator: Broker }) | undefined;
  #sequences = new Map<string, number>();

  constructor(
    private readonly connection: LogConnection,
    readonly transactionalId: string,
  ) {}

  /** Takes the transactional id: after this no earlier holder can append or commit. Retries until `signal` aborts. */
  async fence(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff(5, 500);
    for (;;) {
      signal.throwIfAborted();
      try {
        const coordinator = await this.connection.transactionCoordinator(this.transactionalId);
        const { producerId, producerEpoch } = await coordinator.initProducerId({
          transactionalId: this.transactionalId,
          transactionTimeout: TRANSACTION_TIMEOUT_MS,
        });
        this.#identity = { producerId, producerEpoch, coordinator };
        this.#sequences = new Map();
        return;
      } catch (error) {
        // CONCURRENT_TRANSACTIONS: the transaction that the earlier holder left open is being aborted.
        this.connection.settings.sink.debug({ err: error, transactionalId: this.transactionalId }, 'not fenced yet');
        if (brokerErrorType(error) !== 'CONCURRENT_TRANSACTIONS') await this.connection.refresh();
        await backoff.wait(signal);
      }
    }
  }

  /**
   * Runs one transaction. `work` appends through the transaction it is given; when it returns, everything is committed.
   *
   * @throws WriterFenced when another instance has the id; TransactionUnresolved for anything else, after which it is
   *   not known whether the transaction was committed
   */
  async transact<T>(
    topics: readonly { topic: string; partitions: readonly number[] }[],
    work: (transaction: Transaction) => Promise<T>,
  ): Promise<T> {
    if (!this.#identity) throw new TransactionUnresolved('fence first');
    const { coordinator, ...identity } = this.#identity;
    const { transactionalId } = this;
    try {
      await untilMarkersAreWritten(() => coordinator.addPartitionsToTxn({ ...identity, transactionalId, topics }));
      const result = await work(
        new Transaction((topic, partition, records) => this.#append(identity, topic, partition, records)),
      );
      // EndTxn is idempotent for a producer's epoch; a second try after a lost answer commits the same transaction.
      await untilMarkersAreWritten(() => coordinator.endTxn({ ...identity, transactionalId, transactionResult: true }));
      return result;
    } catch (error) {
      this.#identity = undefined;
      if (isFenced(error))
        throw new WriterFenced(`${this.transactionalId} was taken by another instance`, { cause: error });
      throw new TransactionUnresolved(`a transaction of ${this.transactionalId} did not end well`, { cause: error });
    }
  }

  async #append(
    identity: ProducerIdentity,
    topic: string,
    partition: number,
    records: readonly KeyedValue[],
  ): Promise<bigint> {
    const leader = await this.connection.leaderOf(topic, partition);
    const place = `${topic}:${partition}`;
    const firstSequence = this.#sequences.get(place) ?? 0;
    const { producerEpoch } = identity;
    const [produced] = await produce(leader, {
      transactionalId: this.transactionalId,
      timeoutMs: PRODUCE_TIMEOUT_MS,
      parts: [{ topic, partition, producerId: BigInt(identity.producerId), producerEpoch, firstSequence, records }],
    });
    if (!produced || 'error' in produced) throw new Error(`${place} took nothing`, { cause: produced?.error });
    this.#sequences.set(place, (firstSequence + records.length) % 2_147_483_648);
    return produced.offset;
  }
}

/** Right after a commit the coordinator still writes the markers of that transaction: ordinary, and over in milliseconds. */
async function untilMarkersAreWritten(request: () => Promise<unknown>): Promise<void> {
  const backoff = new Backoff(2, 50);
  const giveUpAt = performance.now() + MARKERS_TIMEOUT_MS;
  for (;;) {
    try {
      await request();
      return;
    } catch (error) {
      if (brokerErrorType(error) !== 'CONCURRENT_TRANSACTIONS' || performance.now() > giveUpAt) throw error;
      await backoff.wait();
    }
  }
}

/** An open transaction: appends to one partition at a time and tells the offset of the first record. */
export class Transaction {
  constructor(
    private readonly write: (topic: string, partition: number, records: readonly KeyedValue[]) => Promise<bigint>,
  ) {}

  /** @returns the offset of the first of `records`; the others follow without a gap */
  async append(topic: string, partition: number, records: readonly KeyedValue[]): Promise<bigint> {
    return await this.write(topic, partition, records);
  }
}
