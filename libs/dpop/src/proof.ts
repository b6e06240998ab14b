import { createHash } from 'node:crypto';
import { calculateJwkThumbprint, EmbeddedJWK, jwtVerify, type JWTPayload } from 'jose';
import type { DpopNonces } from './nonces.js';

/** Algorithms that a proof may be signed with: asymmetric ones, by keys that a proof can carry. */
export const proofAlgorithms = ['ES256', 'ES384', 'ES512', 'PS256', 'RS256', 'EdDSA', 'Ed25519'] as const;

/** How old a proof may be, and how far its maker's clock may be ahead, in seconds. */
const windowSeconds = 60;
/** What is read of a `jti` at all, in characters. */
const longestId = 256;
const bareUrl = /^https?:\/\/[^\s]{1,8192}$/i;

/** The request that a proof came with. */
export interface ProvedRequest {
  readonly method: string;
  /** As its sender has it: without query and fragment. */
  readonly url: string;
  /** The access token that the request carries; absent where one is asked for. */
  readonly accessToken?: string;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  readonly nonces?: DpopNonces;
  /** Whether a proof without a nonce is refused. */
  readonly nonceRequired?: boolean;
}

/** Who holds which key, once the proof is spent. */
export interface KeyProof {
  /** RFC 7638 thumbprint of the key: what `cnf.jkt` holds. */
  readonly thumbprint: string;
  readonly id: string;
  /** `iat`, in seconds since 1970. */
  readonly issued: number;
  /** Until when the proof could be used again, in seconds since 1970. */
  readonly expires: number;
}

/** Why a proof does not count, in the words of RFC 9449, 5 and 8. */
export interface ProofFault {
  readonly error: 'invalid_dpop_proof' | 'use_dpop_nonce';
  readonly fault: string;
}

/**
 * Checks a proof of possession (RFC 9449, 4.3): what it says of the request that it came with, and its signature by the
 * key that it carries. That it comes for the first time is for the caller to see (`SpentProofs`).
 */
export async function proofOf(proof: string, request: ProvedRequest): Promise<KeyProof | ProofFault> {
  try {
    const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, {
      typ: 'dpop+jwt',
      algorithms: [...proofAlgorithms],
      currentDate: new Date(request.nowMs),
    });
    const { jti, iat } = payload;
    const fault = faultIn(payload, request);
    if (fault !== undefined) return fault;
    if (protectedHeader.jwk === undefined || typeof jti !== 'string' || typeof iat !== 'number')
      return invalid('jwk, jti and iat are required');
    const thumbprint = await calculateJwkThumbprint(protectedHeader.jwk);
    return { thumbprint, id: jti, issued: iat, expires: iat + windowSeconds };
  } catch {
    // Nothing is asked of anybody here, so that whatever fails is the proof: jose and the platform have many words for a bad key.
    return invalid('it does not verify');
  }
}

function faultIn(payload: JWTPayload, request: ProvedRequest): ProofFault | undefined {
  const { jti, iat, ath, htm, htu, nonce } = payload as JWTPayload & Readonly<Record<string, unknown>>;
  if (typeof jti !== 'string' || jti === '' || jti.length > longestId)
    return invalid(`jti must have 1 to ${longestId} characters`);
  if (htm !== request.method) return invalid('htm is not the method of the request');
  if (typeof htu !== 'string' || !isSameUrl(htu, request.url)) return invalid('htu is not the URL of the request');
  if (request.accessToken !== undefined && ath !== sha256(request.accessToken))
    return invalid('ath is not the hash of the access token');
  if (nonce !== undefined && typeof nonce !== 'string') return invalid('nonce must be a text');
  if (nonce === undefined && request.nonceRequired === true) return nonceFault('a nonce is required');
  if (nonce !== undefined && request.nonces?.accepts(nonce, request.nowMs) !== true)
    return nonceFault('the nonce is unknown, or too old');
  const now = request.nowMs / 1000;
  if (typeof iat !== 'number' || Math.abs(now - iat) > windowSeconds)
    return invalid(`iat is not within ${windowSeconds} seconds of the time here`);
  return undefined;
}

/** Compared as RFC 3986, 6.2 has URLs equal; query and fragment do not count (RFC 9449, 4.3). */
function isSameUrl(claimed: string, real: string): boolean {
  if (!bareUrl.test(claimed) || !URL.canParse(claimed)) return false;
  const url = new URL(claimed);
  url.search = '';
  url.hash = '';
  return url.href === new URL(real).href;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}

function invalid(fault: string): ProofFault {
  return { error: 'invalid_dpop_proof', fault };
}

function nonceFault(fault: string): ProofFault {
  return { error: 'use_dpop_nonce', fault };
}
