import { MessageCodec, parseEnvelope } from '../codec.js';
import type { CloudEvent } from '../envelope.js';
import { vault, type SubjectErased, type VaultEvent } from './contract.js';

/** What stands around an erasure. */
export interface ErasureMeta {
  readonly id: string;
  /** Who was erased: the random id. */
  readonly subject: string;
  /** RFC 3339, UTC. */
  readonly time: string;
  /** Who asked for it: a random id. */
  readonly actor: string;
  readonly correlationId: string;
  readonly causationId: string;
}

/** An erasure as its topic keeps it. Nobody is erased twice, so that its version is always 1. */
export type ErasureEntry = VaultEvent & { readonly meta: ErasureMeta & { readonly version: 1 } };

const codec = new MessageCodec('vault', vault);

/** An erasure as the erasures topic keeps it. */
export function encodeErasure(data: SubjectErased, meta: ErasureMeta): string {
  codec.check({ type: 'subject-erased', data });
  const envelope: CloudEvent<SubjectErased> = {
    specversion: '1.0',
    id: meta.id,
    source: codec.source,
    type: codec.typeOf('subject-erased'),
    subject: meta.subject,
    time: meta.time,
    datacontenttype: 'application/json',
    correlationid: meta.correlationId,
    causationid: meta.causationId,
    actor: meta.actor,
    data,
  };
  return JSON.stringify(envelope);
}

/** @throws UndecodableRecord */
export function decodeErasure(value: Buffer | string): ErasureEntry {
  const envelope = parseEnvelope(value);
  const { id, subject, time, actor, correlationid, causationid } = envelope;
  return {
    ...codec.read(envelope),
    meta: { id, subject, time, actor, correlationId: correlationid, causationId: causationid, version: 1 },
  };
}
