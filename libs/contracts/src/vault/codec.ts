import { MessageCodec, metaOf, parseEnvelope } from '../codec.js';
import type { RecordMeta } from '../envelope.js';
import { vault, type SubjectErased, type VaultEvent } from './contract.js';

/** What stands around an erasure: its subject is who was erased, its actor who asked for it; both are random ids. */
export type ErasureMeta = RecordMeta;

/** An erasure as its topic keeps it. Nobody is erased twice, so that its version is always 1. */
export type ErasureEntry = VaultEvent & { readonly meta: ErasureMeta & { readonly version: 1 } };

const codec = new MessageCodec('vault', vault);

/** An erasure as the erasures topic keeps it. */
export function encodeErasure(data: SubjectErased, meta: ErasureMeta): string {
  codec.check({ type: 'subject-erased', data });
  return codec.encode('subject-erased', data, meta);
}

/** @throws UndecodableRecord */
export function decodeErasure(value: Buffer | string): ErasureEntry {
  const envelope = parseEnvelope(value);
  return { ...codec.read(envelope), meta: { ...metaOf(envelope), version: 1 } };
}
