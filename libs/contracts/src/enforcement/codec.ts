import { randomUUID } from 'node:crypto';
import { MessageCodec, parseEnvelope } from '../codec.js';
import type { CloudEvent } from '../envelope.js';
import { enforcement, type PointReport } from './contract.js';

const codec = new MessageCodec('enforcement', enforcement);

/** A report as the enforcement topic keeps it; `id` is the record's. */
export function encodeReport(report: PointReport, id: string = randomUUID()): string {
  codec.check({ type: 'point-reported', data: report });
  const envelope: CloudEvent<PointReport> = {
    specversion: '1.0',
    id,
    source: codec.source,
    type: codec.typeOf('point-reported'),
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

/** @throws UndecodableRecord */
export function decodeReport(value: Buffer | string): PointReport {
  return codec.read(parseEnvelope(value)).data;
}
