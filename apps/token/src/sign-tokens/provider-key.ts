import { createPublicKey, type KeyObject } from 'node:crypto';
import { ExternalSigningKey } from 'oidc-provider';
import type { SigningKey } from './key-service.js';

/** A key of ours as oidc-provider takes one whose private part it does not see. */
export class ProviderKey extends ExternalSigningKey {
  readonly #key: SigningKey;
  readonly #public: KeyObject;

  constructor(key: SigningKey) {
    super();
    this.#key = key;
    this.#public = createPublicKey({ key: { ...key.publicJwk }, format: 'jwk' });
    // Its typings leave out that it lets them be set.
    Object.assign(this, { kid: key.kid, alg: key.alg });
  }

  override keyObject(): KeyObject {
    return this.#public;
  }

  override async sign(data: Uint8Array): Promise<Buffer> {
    return Buffer.from(await this.#key.sign(data));
  }
}
