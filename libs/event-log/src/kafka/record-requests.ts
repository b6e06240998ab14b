import type { Broker } from 'kafkajs/src/cluster/index.js';
import { CONTENT_TYPE } from '#contracts';
import { createErrorFromCode, failure } from 'kafkajs/src/protocol/error.js';
import { ISOLATION, type Isolation } from './log-connection.js';
import {
  decodeBatches,
  encodeBatch,
  encodeHeaders,
  headerOf,
  type NewBatch,
  type NewRecord,
  type RecordBatch,
} from './record-batch.js';
import { send } from './send-request.js';

/**
 * The two requests that carry records, written and read by code of our own: for each record kafkajs's takes six times the
 * processor time (docs/adr/0007). Brokers since Kafka 2.3 speak these versions.
 */
const PRODUCE = { apiKey: 0, apiName: 'Produce', apiVersion: 7 } as const;
const FETCH = { apiKey: 1, apiName: 'Fetch', apiVersion: 11 } as const;

/** Kafka's header of every record we write. */
const HEADERS = encodeHeaders({ 'content-type': CONTENT_TYPE });
/** W3C Trace Context's, which OpenTelemetry has in Kafka's headers too. */
const TRACEPARENT = 'traceparent';

/** A transaction's or an idempotent producer's batch for one partition. */
export interface ProducePart extends Omit<NewBatch, 'time' | 'inTransaction' | 'headers'> {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly (Pick<NewRecord, 'key' | 'value'> & { readonly traceparent?: string | undefined })[];
}

export interface ProduceRequest {
  readonly transactionalId?: string;
  /** How long the broker waits for its replicas, in milliseconds. */
  readonly timeoutMs: number;
  /** At most one of each partition, all led by the broker that is asked. */
  readonly parts: readonly ProducePart[];
}

/** What became of a batch: the offset of its first record, or why the broker did not acknowledge it. */
export type Produced = { readonly offset: bigint } | { readonly error: unknown };

export interface FetchRequest {
  readonly isolation: Isolation;
  /** How long the broker waits for a first record, in milliseconds. */
  readonly maxWaitMs: number;
  readonly maxBytes: number;
  readonly partitionMaxBytes: number;
  readonly partitions: readonly { readonly topic: string; readonly partition: number; readonly offset: bigint }[];
}

/** What a fetch gave of one partition. */
export interface FetchedPartition {
  readonly topic: string;
  readonly partition: number;
  /** Where the partition ends for a reader of this isolation: what stands there could be read. */
  readonly endOffset: bigint;
  /** In no order that can be counted on. */
  readonly aborted: readonly { readonly producerId: bigint; readonly firstOffset: bigint }[];
  readonly batches: readonly RecordBatch[];
}

/**
 * Appends a batch to each of some partitions, acknowledged by all in-sync replicas.
 *
 * @returns what became of each, in their order
 * @throws when there is no answer: any of them may be in the log
 */
export async function produce(broker: Broker, request: ProduceRequest): Promise<readonly Produced[]> {
  return await send(broker, {
    request: { ...PRODUCE, expectResponse: () => true, encode: () => resolved(encodeProduce(request)) },
    response: {
      decode: (bytes: Buffer) => resolved(decodeProduced(bytes)),
      parse: (it) => resolved(ofEach(it, request)),
    },
  });
}

/** Asks for what stands from the given offsets on; waits for a first record if there is none. */
export async function fetchRecords(broker: Broker, request: FetchRequest): Promise<readonly FetchedPartition[]> {
  return await send(broker, {
    request: { ...FETCH, encode: () => resolved(encodeFetch(request)) },
    response: { decode: (bytes: Buffer) => resolved(decodeFetched(bytes, request.isolation)), parse: partitionsOf },
  });
}

/** kafkajs awaits what it is given; what throws must be a rejection. */
async function resolved<T>(value: T): Promise<T> {
  return await Promise.resolve(value);
}

function encodeProduce({ transactionalId, timeoutMs, parts }: ProduceRequest) {
  const around = { headers: HEADERS, inTransaction: transactionalId !== undefined, time: Date.now() };
  const writer = new Writer().text(transactionalId).int16(-1).int32(timeoutMs);
  // Each topic stands once: of two that are named alike the broker would take one.
  const topics = Map.groupBy(parts, ({ topic }) => topic);
  writer.int32(topics.size);
  for (const [topic, ofTopic] of topics) {
    writer.text(topic).int32(ofTopic.length);
    for (const { partition, records, ...about } of ofTopic) {
      const batch = encodeBatch(records.map(withHeaders), { ...around, ...about });
      writer.int32(partition).int32(batch.length).bytes(batch);
    }
  }
  return writer.written();
}

function withHeaders(record: ProducePart['records'][number]): NewRecord {
  const { key, value, traceparent } = record;
  if (traceparent === undefined) return record;
  return { key, value, headers: encodeHeaders({ 'content-type': CONTENT_TYPE, [TRACEPARENT]: traceparent }) };
}

/** Of which trace a record says that it is a part; whatever anybody wrote there. */
export function traceparentIn(headers: Buffer): string | undefined {
  return headerOf(headers, TRACEPARENT);
}

interface ProducedAnswer {
  readonly clientSideThrottleTime: number;
  readonly partitions: readonly {
    readonly topic: string;
    readonly partition: number;
    readonly errorCode: number;
    readonly offset: bigint;
  }[];
}

function decodeProduced(bytes: Buffer): ProducedAnswer {
  const reader = new Reader(bytes);
  const partitions = reader
    .array(() => {
      const topic = reader.text();
      return reader.array(() => {
        const found = { topic, partition: reader.int32(), errorCode: reader.int16(), offset: reader.int64() };
        reader.skip(16); // the time of the append, and where the log starts
        return found;
      });
    })
    .flat();
  return { clientSideThrottleTime: reader.int32(), partitions };
}

/** The answer for each part. One that the broker leaves out may be in the log. */
function ofEach({ partitions }: ProducedAnswer, { parts }: ProduceRequest): readonly Produced[] {
  return parts.map(({ topic, partition }) => {
    const found = partitions.find((each) => each.partition === partition && each.topic === topic);
    if (!found) return { error: new Error(`the broker answered for other partitions than ${topic}:${partition}`) };
    return failure(found.errorCode) ? { error: createErrorFromCode(found.errorCode) } : { offset: found.offset };
  });
}

function encodeFetch({ isolation, maxWaitMs, maxBytes, partitionMaxBytes, partitions }: FetchRequest) {
  const writer = new Writer()
    .int32(-1) // no replica
    .int32(maxWaitMs)
    .int32(1) // bytes to wait for
    .int32(maxBytes)
    .int8(ISOLATION[isolation])
    .int32(0) // no session
    .int32(-1);
  const topics = runsOf(inTurn(partitions));
  writer.int32(topics.length);
  for (const run of topics) {
    writer.text(run[0]?.topic).int32(run.length);
    for (const { partition, offset } of run)
      writer.int32(partition).int32(-1).int64(offset).int64(-1n).int32(partitionMaxBytes);
  }
  return writer.int32(0).text('').written();
}

/** Brokers fill an answer in the order asked (KIP-74): another partition is the first each time. */
function inTurn<T>(items: readonly T[]): T[] {
  const first = Math.floor(Math.random() * items.length);
  return [...items.slice(first), ...items.slice(0, first)];
}

/** Neighbours of the same topic together, as the request names them. */
function runsOf(partitions: FetchRequest['partitions']): FetchRequest['partitions'][] {
  const runs: FetchRequest['partitions'][number][][] = [];
  for (const each of partitions) {
    const run = runs.at(-1);
    if (run?.[0]?.topic === each.topic) run.push(each);
    else runs.push([each]);
  }
  return runs;
}

interface Fetched {
  readonly clientSideThrottleTime: number;
  readonly errorCode: number;
  readonly partitions: readonly (FetchedPartition & { readonly errorCode: number })[];
}

function decodeFetched(bytes: Buffer, isolation: Isolation): Fetched {
  const reader = new Reader(bytes);
  const clientSideThrottleTime = reader.int32();
  const errorCode = reader.int16();
  reader.skip(4); // the session
  const partitions = reader
    .array(() => {
      const topic = reader.text();
      return reader.array(() => {
        const partition = reader.int32();
        const ofPartition = reader.int16();
        const highWatermark = reader.int64();
        const lastStableOffset = reader.int64(); // -1 unless committed records were asked for
        const endOffset = isolation === 'committed' ? lastStableOffset : highWatermark;
        reader.skip(8); // where the log starts
        const aborted = reader.array(() => ({ producerId: reader.int64(), firstOffset: reader.int64() }));
        reader.skip(4); // another replica to read from
        const batches = decodeBatches(reader.bytes());
        return { topic, partition, errorCode: ofPartition, endOffset, aborted, batches };
      });
    })
    .flat();
  return { clientSideThrottleTime, errorCode, partitions };
}

async function partitionsOf({ errorCode, partitions }: Fetched): Promise<readonly FetchedPartition[]> {
  const failed = [errorCode, ...partitions.map((each) => each.errorCode)].find(failure);
  if (failed !== undefined) throw createErrorFromCode(failed);
  return await Promise.resolve(partitions);
}

/** Writes the fields of a request. */
class Writer {
  #bytes = Buffer.allocUnsafe(256);
  #at = 0;

  int8(value: number): this {
    this.#at = this.#room(1).writeInt8(value, this.#at);
    return this;
  }

  int16(value: number): this {
    this.#at = this.#room(2).writeInt16BE(value, this.#at);
    return this;
  }

  int32(value: number): this {
    this.#at = this.#room(4).writeInt32BE(value, this.#at);
    return this;
  }

  int64(value: bigint): this {
    this.#at = this.#room(8).writeBigInt64BE(value, this.#at);
    return this;
  }

  /** A nullable string. */
  text(value: string | undefined): this {
    const size = value === undefined ? -1 : Buffer.byteLength(value);
    this.int16(size);
    if (value !== undefined) this.#at += this.#room(size).write(value, this.#at, 'utf8');
    return this;
  }

  bytes(value: Buffer): this {
    this.#at += value.copy(this.#room(value.length), this.#at);
    return this;
  }

  /** All that was written, in the form that kafkajs copies a request's body from. */
  written(): { readonly buf: Buffer; readonly buffer: Buffer } {
    const buffer = this.#bytes.subarray(0, this.#at);
    return { buf: buffer, buffer };
  }

  #room(size: number): Buffer {
    if (this.#at + size > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(2 * (this.#at + size));
      this.#bytes.copy(larger, 0, 0, this.#at);
      this.#bytes = larger;
    }
    return this.#bytes;
  }
}

/** Reads the fields of an answer. */
class Reader {
  #at = 0;

  constructor(private readonly buffer: Buffer) {}

  int16(): number {
    return this.buffer.readInt16BE(this.#moved(2));
  }

  int32(): number {
    return this.buffer.readInt32BE(this.#moved(4));
  }

  int64(): bigint {
    return this.buffer.readBigInt64BE(this.#moved(8));
  }

  text(): string {
    const size = Math.max(0, this.int16());
    const from = this.#moved(size);
    return this.buffer.toString('utf8', from, from + size);
  }

  /** Nothing where the field is null. */
  bytes(): Buffer {
    const size = Math.max(0, this.int32());
    const from = this.#moved(size);
    return this.buffer.subarray(from, from + size);
  }

  /** Empty where the field is null. */
  array<T>(each: () => T): T[] {
    return Array.from({ length: Math.max(0, this.int32()) }, each);
  }

  skip(size: number): void {
    this.#moved(size);
  }

  #moved(size: number): number {
    const from = this.#at;
    this.#at += size;
    return from;
  }
}
