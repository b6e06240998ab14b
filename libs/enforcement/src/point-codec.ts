import { decodeReport, enforcementTopic, formatPosition, type PointReport, type Position } from '#contracts';
import type { RecordSource } from '#event-log';

/** The reports of all enforcement points. */
export const reportSource: RecordSource<PointReport> = {
  topic: enforcementTopic.name,
  partitions: enforcementTopic.partitions,
  decode: decodeReport,
};

/** Whether a report says that the record at `position` is in force there. */
export function reports({ positions }: PointReport, { topic, partition, offset }: Position): boolean {
  const next = positions[topic]?.[partition];
  return next !== undefined && /^\d+$/.test(next) && BigInt(next) > offset;
}

/** Where a point stands in the partition of `position`, as `Gatehouse-Position` writes it: the last record applied. */
export function positionOfPoint({ positions }: PointReport, { topic, partition }: Position): string {
  const next = BigInt(positions[topic]?.[partition] ?? '0');
  return formatPosition({ topic, partition, offset: next > 0n ? next - 1n : 0n });
}
