import {
  enforcement,
  enforcementTopic,
  formatPosition,
  MessageCodec,
  parseEnvelope,
  type CloudEvent,
  type PointReport,
  type Position,
} from '#contracts';
import type { RecordSource } from '#event-log';
import { randomUUID } from 'node:crypto';

const codec = new MessageCodec('enforcement', enforcement);

/** A report as the enforcement topic keeps it. */
export function encodeReport(report: PointReport): string {
  const message = { type: 'point-reported', data: report } as const;
  codec.check(message);
  const id = randomUUID();
  const envelope: CloudEvent<PointReport> = {
    specversion: '1.0',
    id,
    source: codec.source,
    type: codec.typeOf(message.type),
    subject: report.id,
    time: report.appliedAt,
    datacontenttype: 'application/json',
    correlationid: id,
    causationid: id,
    actor: `system:${report.kind}`,
    data: report,
  };
  return JSON.stringify(envelope);
}

/** The reports of all enforcement points. */
export const reportSource: RecordSource<PointReport> = {
  topic: enforcementTopic.name,
  partitions: enforcementTopic.partitions,
  decode: (value) => codec.read(parseEnvelope(value)).data,
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
