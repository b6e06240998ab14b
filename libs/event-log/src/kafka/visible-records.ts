import type { Isolation } from './log-connection.js';
import type { RecordBatch } from './record-batch.js';
import { type FetchedPartition, traceparentIn } from './record-requests.js';

/** A record as it stands in the log. */
export interface LogRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly key: string | undefined;
  /** The key's bytes as they stand there: not every key is UTF-8. */
  readonly rawKey: Buffer | null;
  readonly value: Buffer;
  /** Of which trace it says that it is a part; whatever anybody wrote there. */
  readonly traceparent?: string | undefined;
}

/** Records of one partition, in order, as one fetch or several gave them. */
export interface Slice {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly LogRecord[];
  /** The offset after everything in this slice, control records included: where reading goes on. */
  readonly nextOffset: bigint;
  /** Where the partition ended when the broker answered. */
  readonly endOffset: bigint;
}

/** What a fetch asked for: of a partition, from an offset on. */
interface Place {
  readonly topic: string;
  readonly partition: number;
  readonly next: bigint;
}

/**
 * The visible records of what was fetched of a partition, at and after the offset that was asked for. Aborted ones are left out by the protocol's rule: the list of aborted
 * transactions, ordered by first offset, opens a producer's range, its abort marker closes it.
 */
export function visibleRecords(from: Place, data: FetchedPartition, isolation: Isolation): Slice {
  const { topic, partition, next } = from;
  const aborted =
    isolation === 'committed' ? data.aborted.toSorted((a, b) => (a.firstOffset < b.firstOffset ? -1 : 1)) : [];
  const abortedNow = new Set<bigint>();
  const records: LogRecord[] = [];
  let nextAborted = 0;
  for (const batch of data.batches) {
    const { producerId } = batch;
    for (
      let opening = aborted[nextAborted];
      opening && opening.firstOffset <= batch.lastOffset;
      opening = aborted[++nextAborted]
    ) {
      abortedNow.add(opening.producerId);
    }
    if (batch.isControl) {
      if (isAbortMarker(batch)) abortedNow.delete(producerId);
      continue;
    }
    if (batch.inTransaction && abortedNow.has(producerId)) continue;
    for (const { offsetDelta, key, value, headers } of batch.records) {
      const offset = batch.firstOffset + BigInt(offsetDelta);
      if (offset >= next && value !== null) records.push(new FetchedRecord(from, offset, key, value, headers));
    }
  }
  const last = data.batches.at(-1);
  const nextOffset = last ? last.lastOffset + 1n : next;
  return { topic, partition, records, nextOffset, endOffset: data.endOffset };
}

/** Most readers never ask for the key or the trace: they become text for those who do. */
class FetchedRecord implements LogRecord {
  readonly topic: string;
  readonly partition: number;

  constructor(
    { topic, partition }: Place,
    readonly offset: bigint,
    readonly rawKey: Buffer | null,
    readonly value: Buffer,
    private readonly headers: Buffer,
  ) {
    this.topic = topic;
    this.partition = partition;
  }

  get key(): string | undefined {
    return this.rawKey?.toString('utf8');
  }

  get traceparent(): string | undefined {
    return traceparentIn(this.headers);
  }
}

/** A control record's key is (version, type): type 0 aborts, 1 commits. */
function isAbortMarker({ records: [marker] }: RecordBatch): boolean {
  const key = marker?.key ?? undefined;
  return key !== undefined && key.length >= 4 && key.readInt16BE(2) === 0;
}
