import type { IncomingMessage } from 'node:http';
import { DpopNonces, proofOf, type SpentProofs } from '#dpop';
import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import { orUnavailable } from '../authorization-server/oauth-errors.js';

/** What proofs are checked with. */
export interface PossessionMeans {
  readonly publicUrl: string;
  /** Shared by all instances. */
  readonly nonceSecret: string;
  readonly nonceRequired: boolean;
  readonly spent: Pick<SpentProofs, 'spend'>;
}

/** A request as far as a proof is about it. */
export interface ProvenRequest {
  /** The `DPoP` header, where there is one. */
  readonly proof: string | undefined;
  readonly method: string;
  /** Below `PUBLIC_URL`. */
  readonly path: string;
  /** Tells the sender the nonce for its next proof. */
  readonly offer: (nonce: string) => void;
}

/** The thumbprint of the key that the sender of a request has shown to hold; undefined where none was shown. */
export type ProvenKey = (request: ProvenRequest) => Promise<string | undefined>;

/**
 * Whose key a request of the authorization server's is sent with (RFC 9449, 5 and 10.1). Throws the error of OAuth's that
 * a proof brings which does not count, and gives the nonce for the next one.
 */
export function provenKey({ publicUrl, nonceSecret, nonceRequired, spent }: PossessionMeans): ProvenKey {
  const nonces = new DpopNonces([nonceSecret]);
  return async ({ proof, method, path, offer }) => {
    if (proof === undefined) return undefined;
    const nowMs = Date.now();
    offer(nonces.current(nowMs));
    const proved = await proofOf(proof, { method, url: publicUrl + path, nowMs, nonces, nonceRequired });
    if ('error' in proved) {
      const Refusal = proved.error === 'use_dpop_nonce' ? errors.UseDpopNonce : errors.InvalidDpopProof;
      throw new Refusal(proved.fault);
    }
    if (!(await orUnavailable(() => spent.spend(proved))))
      throw new errors.InvalidDpopProof('the proof was used before, or made before the replay guard was');
    return proved.thumbprint;
  };
}

/** The proof in a request's headers: one that came twice is none that counts. */
export function proofSent({ headers: { dpop } }: Pick<IncomingMessage, 'headers'>): string | undefined {
  return Array.isArray(dpop) ? dpop.join(', ') : dpop;
}

/** A request of the provider's, whose proof was kept from it. */
export function asProven(ctx: KoaContextWithOIDC): ProvenRequest {
  const { method, path } = ctx;
  return { proof: kept.get(ctx.req), method, path, offer: (nonce) => ctx.set('dpop-nonce', nonce) };
}

const kept = new WeakMap<object, string | undefined>();

/** Keeps a proof from the provider, which would check it by rules of its own and remember it in none of our tables. */
export function keepProof(ctx: { readonly req: KoaContextWithOIDC['req'] }): void {
  kept.set(ctx.req, proofSent(ctx.req));
  delete ctx.req.headers['dpop'];
}
