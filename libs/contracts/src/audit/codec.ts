import { MessageCodec, parseEnvelope } from '../codec.js';
import { audit, type SignedCheckpoint } from './contract.js';

/** A checkpoint as its topic keeps it. */
export interface CheckpointEntry extends SignedCheckpoint {
  readonly id: string;
  /** When it was signed, RFC 3339, UTC. */
  readonly time: string;
}

const codec = new MessageCodec('audit', audit);

/** A checkpoint as the checkpoints topic keeps it. */
export function encodeCheckpoint({ id, time, ...data }: CheckpointEntry): string {
  codec.check({ type: 'checkpoint-signed', data });
  const around = { id, subject: data.origin, time, actor: 'system:audit', correlationId: id, causationId: id };
  return codec.encode('checkpoint-signed', data, around);
}

/** @throws UndecodableRecord */
export function decodeCheckpoint(value: Buffer | string): CheckpointEntry {
  const envelope = parseEnvelope(value);
  return { ...codec.read(envelope).data, id: envelope.id, time: envelope.time };
}
