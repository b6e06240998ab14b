import { LogConnection, type Isolation, type LogSettings } from './log-connection.js';
import { type LogRecord, PartitionReader } from './partition-reader.js';

const TIMEOUT_MS = 5_000;

/** Where to look: a partition, from an offset or from the first record at or after a time (milliseconds since 1970). */
export interface ScanFrom {
  /** With its prefix. */
  readonly topic: string;
  readonly partition: number;
  readonly from: bigint | { readonly unixMs: number };
  readonly isolation: Isolation;
  /** How many records to look at; all that there are where nothing is said. */
  readonly limit?: number;
}

/**
 * Looks at the records of a partition, up to its end as it is now, until `find` gives something. For a question that is
 * asked once; who follows a partition uses a reader.
 *
 * @returns undefined when nothing was found, or when the offset is not in the log
 * @throws when the brokers do not answer, or have not given it all within 5 s
 */
export async function scanPartition<T>(
  settings: LogSettings,
  { topic, partition, from, isolation, limit = Infinity }: ScanFrom,
  find: (record: LogRecord) => T | undefined,
): Promise<T | undefined> {
  const connection = new LogConnection(settings);
  const { promise, resolve, reject } = Promise.withResolvers<T | undefined>();
  // It may fail while something else is awaited; the await below sees it.
  promise.catch(() => undefined);
  let left = limit;
  const reader = new PartitionReader(settings, {
    isolation,
    onFailure: reject,
    onSlice: ({ records, nextOffset }) => {
      for (const record of records) {
        const found = left-- > 0 ? find(record) : undefined;
        if (found !== undefined) resolve(found);
      }
      if (left <= 0 || nextOffset >= end) resolve(undefined);
    },
  });
  const late = setTimeout(() => reject(new Error(`${topic}:${partition} was not read in time`)), TIMEOUT_MS);
  let end = 0n;
  try {
    const at = async (which: 'start' | 'end') =>
      (await connection.offsets(topic, [partition], which, isolation)).get(partition) ?? 0n;
    end = await at('end');
    const begin =
      typeof from === 'bigint'
        ? from
        : ((await connection.offsetsAt(topic, [partition], from.unixMs)).get(partition) ?? end);
    if (begin >= end || begin < (await at('start'))) return undefined;
    reader.assign(topic, partition, begin);
    return await promise;
  } finally {
    clearTimeout(late);
    await reader.close();
    await connection.close();
  }
}
