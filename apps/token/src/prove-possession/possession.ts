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

/** The thumbprint of the key that the sender of a request has shown to hold; undefined where none was shown. */
export type ProvenKey = (ctx: KoaContextWithOIDC) => Promise<string | undefined>;

/**
 * Whose key a request of the authorization server's is sent with (RFC 9449, 5 and 10.1). Throws the error of OAuth's that
 * a proof brings which does not count, and gives the nonce for the next one.
 */
export function provenKey({ publicUrl, nonceSecret, nonceRequired, spent }: PossessionMeans): ProvenKey {
  const nonces = new DpopNonces(nonceSecret);
  return async (ctx) => {
    const proof = proofIn(ctx);
    if (proof === undefined) return undefined;
    const nowMs = Date.now();
    ctx.set('dpop-nonce', nonces.current(nowMs));
    const url = publicUrl + ctx.path;
    const proved = await proofOf(proof, { method: ctx.method, url, nowMs, nonces, nonceRequired });
    if ('error' in proved) {
      const Refusal = proved.error === 'use_dpop_nonce' ? errors.UseDpopNonce : errors.InvalidDpopProof;
      throw new Refusal(proved.fault);
    }
    if (!(await orUnavailable(() => spent.spend(proved))))
      throw new errors.InvalidDpopProof('the proof was used before, or made before the replay guard was');
    return proved.thumbprint;
  };
}

const kept = new WeakMap<object, string | undefined>();

/** Keeps a proof from the provider, which would check it by rules of its own and remember it in none of our tables. */
export function keepProof(ctx: { readonly req: KoaContextWithOIDC['req'] }): void {
  const { dpop } = ctx.req.headers;
  kept.set(ctx.req, Array.isArray(dpop) ? dpop.join(', ') : dpop);
  delete ctx.req.headers['dpop'];
}

function proofIn({ req }: KoaContextWithOIDC): string | undefined {
  return kept.get(req);
}
