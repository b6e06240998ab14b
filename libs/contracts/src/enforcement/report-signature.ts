import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import type { PointReport } from './contract.js';

const SIGNATURE = /,"signature":"([\w-]{43})\.([\w-]{86})"\}$/;
/** Enough of a record's end to hold the signature. */
const LONGEST_SIGNATURE = 160;
/** 128 bits: nobody finds another key with the same. */
const FINGERPRINT_BYTES = 16;
const ID = /^(?:gateway|token)-([\w-]{22})$/;

/**
 * The key of one enforcement point: an Ed25519 pair (RFC 8032) that is made at its start and never leaves its process. The
 * point's id is the key's fingerprint, so that a report says by itself whether the point has made it (docs/adr/0046).
 */
export class PointKey {
  readonly #private: KeyObject;
  readonly #public: string;

  constructor() {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    this.#private = privateKey;
    this.#public = publicKey.export({ format: 'jwk' }).x ?? '';
  }

  /** `<kind>-` and the 22 characters of the fingerprint: 16 bytes of SHA-256 over the public key, base64url. */
  idOf(kind: PointReport['kind']): string {
    return `${kind}-${fingerprintOf(this.#public)}`;
  }

  /**
   * The record with its last attribute: the public key, a dot, and the signature over all that stands before it.
   *
   * @param record an encoded report, a JSON object
   */
  sign(record: string): string {
    const covered = record.slice(0, -1);
    const signature = sign(null, Buffer.from(covered), this.#private).toString('base64url');
    return `${covered},"signature":"${this.#public}.${signature}"}`;
  }
}

/** Undefined for a report that the point of this id has made; else what is wrong with it. */
export function reportFault(record: Buffer, id: string): string | undefined {
  const found = SIGNATURE.exec(record.toString('latin1', Math.max(0, record.length - LONGEST_SIGNATURE)));
  if (found === null) return 'it has no signature';
  const [text, key = '', signature = ''] = found;
  if (ID.exec(id)?.[1] !== fingerprintOf(key)) return 'its key is not that of the point which it names';
  const covered = record.subarray(0, record.length - text.length);
  const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: key }, format: 'jwk' });
  const fits = verify(null, covered, publicKey, Buffer.from(signature, 'base64url'));
  return fits ? undefined : 'its signature does not fit what it says';
}

/** Whether an id is a key's fingerprint: only a signed report can be of such a point. */
export function namesKey(id: string): boolean {
  return ID.test(id);
}

function fingerprintOf(publicKey: string): string {
  const digest = createHash('sha256').update(Buffer.from(publicKey, 'base64url')).digest();
  return digest.subarray(0, FINGERPRINT_BYTES).toString('base64url');
}
