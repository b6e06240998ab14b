import { createPrivateKey, sign, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import { publicPart, type KeptKey, type KeyService, type SigningAlgorithm, type SigningKey } from './key-service.js';

const signElsewhere = promisify(sign);

/** Keys that are made here, kept sealed by the vault, and opened in the memory of each instance. */
export const localKeys: KeyService = {
  async make(alg) {
    const { privateKey } = await generateKeyPair(alg, { extractable: true });
    const material = Object.entries(await exportJWK(privateKey)).filter(
      (part): part is [string, string] => typeof part[1] === 'string',
    );
    const jwk = Object.fromEntries(material);
    return { ...jwk, alg, use: 'sig', kid: await calculateJwkThumbprint({ ...jwk }) };
  },
  open(kept) {
    const { alg, kid } = kept;
    if (!('d' in kept) || (alg !== 'ES256' && alg !== 'RS256') || typeof kid !== 'string') return undefined;
    return new LocalKey(alg, kid, kept);
  },
};

class LocalKey implements SigningKey {
  readonly publicJwk: SigningKey['publicJwk'];
  /** Private, so that nothing that prints a key ring prints it. */
  readonly #key: KeyObject;

  constructor(
    readonly alg: SigningAlgorithm,
    readonly kid: string,
    kept: KeptKey,
  ) {
    this.publicJwk = publicPart(kept, alg, kid);
    this.#key = createPrivateKey({ key: { ...kept }, format: 'jwk' });
  }

  async sign(input: Uint8Array): Promise<Uint8Array> {
    // It is done sooner than another thread would have begun; RSA takes twenty times as long.
    if (this.alg === 'ES256') return sign('sha256', input, { key: this.#key, dsaEncoding: 'ieee-p1363' });
    return signElsewhere('sha256', input, this.#key);
  }
}
