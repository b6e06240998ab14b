import {
  decodeReport,
  enforcementTopic,
  formatPosition,
  namesKey,
  type PointReport,
  type Position,
  reportFault,
  UndecodableRecord,
} from '#contracts';
import type { LogRecord, RecordSource } from '#event-log';

/** A record among the reports, and what it says; nothing where it is no report of this release. */
export interface ToldReport {
  readonly report: PointReport | undefined;
  readonly record: LogRecord;
}

/** All that stands among the reports, whoever wrote it there: {@link judgeReport} tells which of them count. */
export const reportSource: RecordSource<ToldReport> = {
  topic: enforcementTopic.name,
  partitions: enforcementTopic.partitions,
  decode(value, record) {
    try {
      const report = decodeReport(value);
      return { report: Object.values(report.positions).flat().every(isOffset) ? report : undefined, record };
    } catch (error) {
      if (error instanceof UndecodableRecord) return { report: undefined, record };
      throw error;
    }
  },
};

function isOffset(text: string): boolean {
  return /^\d{1,19}$/.test(text);
}

/** What a record among the reports is worth (docs/adr/0046). */
export type JudgedReport =
  /** Of the point that it names: it counts. */
  | { readonly worth: 'proven'; readonly report: PointReport }
  /** Nobody has signed it and its id is no key's: perhaps of a release before signatures. It may hold a receipt up, and confirms nothing. */
  | { readonly worth: 'unproven'; readonly report: PointReport; readonly reason: string }
  /** Not of the point that it names, or no report: it has no effect. */
  | { readonly worth: 'forged'; readonly reason: string };

export function judgeReport({ report, record }: ToldReport): JudgedReport {
  if (report === undefined) return { worth: 'forged', reason: 'it is no report of this release' };
  const reason =
    record.key === report.id ? reportFault(record.value, report.id) : 'it stands under a key other than its point’s id';
  if (reason === undefined) return { worth: 'proven', report };
  return namesKey(report.id) ? { worth: 'forged', reason } : { worth: 'unproven', report, reason };
}

/** Whether a report says that the record at `position` is in force there. */
export function reports({ positions }: PointReport, { topic, partition, offset }: Position): boolean {
  const next = positions[topic]?.[partition];
  return next !== undefined && BigInt(next) > offset;
}

/** Where a point stands in the partition of `position`, as `Gatehouse-Position` writes it: the last record applied. */
export function positionOfPoint({ positions }: PointReport, { topic, partition }: Position): string {
  const next = BigInt(positions[topic]?.[partition] ?? '0');
  return formatPosition({ topic, partition, offset: next > 0n ? next - 1n : 0n });
}
