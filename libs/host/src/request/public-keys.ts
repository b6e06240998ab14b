import type { RegistrationEvent } from '#contracts';
import { calculateJwkThumbprint, type JWK } from 'jose';
import { createPublicKey } from 'node:crypto';
import { types } from 'node:util';
import { refused } from '../problem/problem-exception.js';
import type { FieldError } from '../problem/problem.js';

type PublicKey = Extract<RegistrationEvent, { type: 'application-registered' }>['data']['keys'][number];

/** Members of a JWK that make it secret (RFC 7518 §6.2.2, §6.3.2, §6.4). */
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'] as const;
const RSA_BITS = { least: 2048, most: 8192 } as const;

/**
 * Reads public keys that a client will sign its assertions with: RS384 with at least 2048 bits, or ES384 (SMART App
 * Launch, Asymmetric authentication), with a `kid` and without private parts. Gives each with its RFC 7638 thumbprint and
 * with the members that matter alone.
 *
 * @throws ProblemException 422 with a pointer for each key that is not one
 */
export async function readPublicKeys(
  jwks: readonly Readonly<Record<string, unknown>>[],
  pointerOf: (index: number) => string,
): Promise<PublicKey[]> {
  const read = await Promise.all(jwks.map((jwk, index) => readPublicKey(jwk, pointerOf(index))));
  const faults = read.flatMap((each) => ('fault' in each ? [each.fault] : []));
  if (faults.length > 0) {
    throw refused('keys-refused', 'A key cannot be registered', 'Register public keys for RS384 or ES384.', faults);
  }
  return read.flatMap((each) => ('key' in each ? [each.key] : []));
}

async function readPublicKey(
  jwk: Readonly<Record<string, unknown>>,
  pointer: string,
): Promise<{ readonly key: PublicKey } | { readonly fault: FieldError }> {
  const secret = privateMembers.find((member) => member in jwk);
  if (secret !== undefined) {
    return {
      fault: { pointer: `${pointer}/${secret}`, detail: 'is a private part: make a new key, this one is known now' },
    };
  }
  const { kid, kty, use, alg } = jwk;
  if (typeof kid !== 'string' || !/^[\x21-\x7e]{1,256}$/.test(kid)) {
    return { fault: { pointer: `${pointer}/kid`, detail: 'must be 1 to 256 printable characters' } };
  }
  if (use !== undefined && use !== 'sig') return { fault: { pointer: `${pointer}/use`, detail: 'must be sig' } };
  const fault = faultOfUse(jwk) ?? (kty === 'RSA' ? faultOfRsa(jwk) : faultOfEc(jwk));
  if (fault) return { fault: { ...fault, pointer: `${pointer}${fault.pointer}` } };
  const members =
    kty === 'RSA' ? ({ kty, n: jwk['n'], e: jwk['e'] } as const) : { kty, crv: jwk['crv'], x: jwk['x'], y: jwk['y'] };
  // Sound: the members were just checked to be text.
  const material = members as JWK & { kty: string };
  const algorithm = kty === 'RSA' ? 'RS384' : 'ES384';
  if (alg !== undefined && alg !== algorithm)
    return { fault: { pointer: `${pointer}/alg`, detail: `must be ${algorithm}` } };
  if (!isKey(material)) return { fault: { pointer, detail: 'is not a key: its numbers do not fit together' } };
  const thumbprint = await calculateJwkThumbprint(material);
  return { key: { kid, thumbprint, jwk: { ...members, kid, use: 'sig', alg: algorithm } } };
}

/** Whether the numbers make a key: for EC, a point on the curve (RFC 7518 §6.2.1). */
function isKey(key: JWK): boolean {
  try {
    createPublicKey({ key, format: 'jwk' });
    return true;
  } catch (error) {
    if (types.isNativeError(error) && 'code' in error && error.code === 'ERR_CRYPTO_INVALID_JWK') return false;
    throw error;
  }
}

function faultOfUse({ key_ops: operations }: Readonly<Record<string, unknown>>): FieldError | undefined {
  if (operations === undefined || (Array.isArray(operations) && operations.includes('verify'))) return undefined;
  return { pointer: '/key_ops', detail: 'must name verify' };
}

function faultOfRsa({ n, e }: Readonly<Record<string, unknown>>): FieldError | undefined {
  const modulus = bytesOf(n);
  const exponent = bytesOf(e);
  if (modulus === undefined) return { pointer: '/n', detail: 'must be base64url' };
  if (exponent === undefined) return { pointer: '/e', detail: 'must be base64url' };
  const bits = bitsOf(modulus);
  if (bits < RSA_BITS.least)
    return { pointer: '/n', detail: `has ${bits} bits: at least ${RSA_BITS.least} are needed` };
  if (bits > RSA_BITS.most) return { pointer: '/n', detail: `has ${bits} bits: at most ${RSA_BITS.most} are taken` };
  const value = BigInt(`0x${exponent.toString('hex')}`);
  if (value < 65_537n || value % 2n === 0n) return { pointer: '/e', detail: 'must be odd and at least 65537' };
  return undefined;
}

function faultOfEc({ kty, crv, x, y }: Readonly<Record<string, unknown>>): FieldError | undefined {
  if (kty !== 'EC') return { pointer: '/kty', detail: 'must be RSA (RS384) or EC (ES384)' };
  if (crv !== 'P-384') return { pointer: '/crv', detail: 'must be P-384' };
  if (bytesOf(x)?.length !== 48) return { pointer: '/x', detail: 'must be 48 bytes in base64url' };
  if (bytesOf(y)?.length !== 48) return { pointer: '/y', detail: 'must be 48 bytes in base64url' };
  return undefined;
}

function bytesOf(value: unknown): Buffer | undefined {
  if (typeof value !== 'string' || !/^[A-Za-z0-9_-]{1,2048}$/.test(value)) return undefined;
  return Buffer.from(value, 'base64url');
}

function bitsOf(bytes: Buffer): number {
  const first = bytes.findIndex((byte) => byte !== 0);
  return first < 0 ? 0 : (bytes.length - first) * 8 - Math.clz32(bytes[first] ?? 0) + 24;
}
