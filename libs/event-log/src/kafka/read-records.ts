import type { LogSettings } from './log-connection.js';
import type { LogRecord } from './partition-reader.js';
import { scanPartition } from './scan-partition.js';

/** Which records: of a partition of a topic (without prefix), from an offset on, at most so many. */
export interface RecordsAt {
  readonly topic: string;
  readonly partition: number;
  readonly from: bigint;
  readonly limit: number;
}

/**
 * Reads records as they stand in the log, what was aborted left out; none where the offset is not in the log, or nothing
 * stands at or after it. For a look at a few: who follows a topic uses a tail.
 *
 * @throws when the brokers do not answer, or have not given it all within 5 s
 */
export async function readRecords(settings: LogSettings, at: RecordsAt): Promise<readonly LogRecord[]> {
  const records: LogRecord[] = [];
  await scanPartition(
    settings,
    { ...at, topic: settings.prefix + at.topic, isolation: 'committed' },
    (record): undefined => void records.push(record),
  );
  return records;
}
