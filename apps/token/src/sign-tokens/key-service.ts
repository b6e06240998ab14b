import type { Json } from '#vault';
import type { JWK } from 'jose';

/** RFC 7518, 3.1. */
export type SigningAlgorithm = 'ES256' | 'RS256';

/** A key that signs, wherever its private part is. */
export interface SigningKey {
  readonly kid: string;
  readonly alg: SigningAlgorithm;
  /** What is published of it, with `kid`, `alg` and `use`: nothing that signs. */
  readonly publicJwk: JWK;
  /**
   * The signature of a JWS (RFC 7515, 5.1; RFC 7518, 3.3 and 3.4): R and S, one after the other, for ES256.
   *
   * @throws SigningUnavailable when whoever holds the key does not answer
   */
  sign(input: Uint8Array): Promise<Uint8Array>;
}

/** What is kept of a key, sealed by the vault: the key itself, or how the service that holds it calls it. */
export type KeptKey = Readonly<Record<string, Json>>;

/** Where signing keys are made and held: in this process, or by a KMS or HSM that never lets one out. */
export interface KeyService {
  /** Makes a key. @throws SigningUnavailable */
  make(alg: SigningAlgorithm): Promise<KeptKey>;
  /** One that was made by this service; undefined for what another one has made. */
  open(kept: KeptKey): SigningKey | undefined;
}

/** Whoever holds the signing key does not answer now; try again. */
export class SigningUnavailable extends Error {
  override readonly name = 'SigningUnavailable';
  readonly code = 'ERR_SIGNING_UNAVAILABLE';
}

/** The parts of a public key alone (RFC 7518, 6.2.1 and 6.3.1), whatever else stands beside them. */
export function publicPart(jwk: Readonly<Record<string, unknown>>, alg: SigningAlgorithm, kid: string): JWK {
  const named = alg === 'ES256' ? (['kty', 'crv', 'x', 'y'] as const) : (['kty', 'n', 'e'] as const);
  const parts = named.flatMap((name) => {
    const value = jwk[name];
    return typeof value === 'string' ? [[name, value] as const] : [];
  });
  if (parts.length < named.length) throw new Error(`a key for ${alg} lacks some of ${named.join(', ')}`);
  return { ...Object.fromEntries(parts), alg, use: 'sig', kid };
}
