import { randomUUID } from 'node:crypto';
import { MessageCodec, parseEnvelope } from '../codec.js';
import { enforcement, type PointReport } from './contract.js';

const codec = new MessageCodec('enforcement', enforcement);

/** A report as the enforcement topic keeps it; `id` is the record's. */
export function encodeReport(report: PointReport, id: string = randomUUID()): string {
  codec.check({ type: 'point-reported', data: report });
  const { id: subject, appliedAt: time, kind } = report;
  const around = { id, subject, time, actor: `system:${kind}`, correlationId: id, causationId: id };
  return codec.encode('point-reported', report, around);
}

/** @throws UndecodableRecord */
export function decodeReport(value: Buffer | string): PointReport {
  return codec.read(parseEnvelope(value)).data;
}
