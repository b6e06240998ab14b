import { type DpopNonces, proofOf, ReplayMemoryLost, type SpentProofs } from '#dpop';
import { isDatabaseUnavailable } from '#host';
import type { AccessTokenClaims } from '../believe-token/access-token-claims.js';

/** How a token came, and with which proof. */
export interface Presented {
  readonly token: string;
  /** The scheme of the Authorization header; undefined where whoever asks does not say. */
  readonly scheme?: Scheme | undefined;
  /** The `DPoP` header. */
  readonly proof?: string | undefined;
  readonly method: string;
  /** As the caller has it, without query. */
  readonly url: string;
}

export type Scheme = 'Bearer' | 'DPoP';

/** Whoever presents a token has not shown to hold its key. `reason` may be told to the caller. */
export class NotProven extends Error {
  override readonly name = 'NotProven';
  readonly code = 'not-proven';
  constructor(
    /** RFC 6750, 3.1; RFC 9449, 7.1 and 9. */
    readonly error: 'invalid_token' | 'invalid_dpop_proof' | 'use_dpop_nonce',
    readonly reason: string,
  ) {
    super(reason);
  }
}

/** Nobody can say now whether a proof was used before. */
export class ProofsUnavailable extends Error {
  override readonly name = 'ProofsUnavailable';
  readonly code = 'proofs-unavailable';
}

/** Whether callers hold the keys that their tokens are bound to (RFC 9449, 7). A token that is bound to none costs nothing. */
export class Possession {
  constructor(
    private readonly means: {
      readonly nonces: DpopNonces;
      readonly nonceRequired: boolean;
      readonly spent: Pick<SpentProofs, 'spend'>;
    },
  ) {}

  /** The nonce for the next proof. */
  nonce(): string {
    return this.means.nonces.current(Date.now());
  }

  /**
   * Resolves where the token is borne by right: it is bound to no key, or the proof is by its key, for this request, and
   * comes for the first time at any instance.
   *
   * @throws NotProven, ProofsUnavailable
   */
  async check({ jkt }: Pick<AccessTokenClaims, 'jkt'>, presented: Presented): Promise<void> {
    const { token, scheme, proof, method, url } = presented;
    if (jkt === undefined) {
      if (scheme === 'DPoP') throw new NotProven('invalid_token', 'The token is bound to no key.');
      return;
    }
    if (scheme === 'Bearer')
      throw new NotProven(
        'invalid_token',
        'The token is bound to a key: it counts with a proof, under the scheme DPoP.',
      );
    if (proof === undefined) throw new NotProven('invalid_dpop_proof', 'There is no proof in a header DPoP.');
    const { nonces, nonceRequired } = this.means;
    const request = { method, url, accessToken: token, nowMs: Date.now(), nonces, nonceRequired };
    const proved = await proofOf(proof, request);
    if ('error' in proved) throw new NotProven(proved.error, `The proof does not count: ${proved.fault}.`);
    if (proved.thumbprint !== jkt)
      throw new NotProven('invalid_token', 'The proof is by another key than the token’s.');
    if (!(await this.#spend(proved)))
      throw new NotProven('invalid_dpop_proof', 'The proof was used before, or made before the replay guard was.');
  }

  async #spend(proved: Parameters<SpentProofs['spend']>[0]): Promise<boolean> {
    try {
      return await this.means.spent.spend(proved);
    } catch (cause) {
      if (!isDatabaseUnavailable(cause) && !(cause instanceof ReplayMemoryLost)) throw cause;
      throw new ProofsUnavailable('nobody can say whether the proof was used before', { cause });
    }
  }
}
