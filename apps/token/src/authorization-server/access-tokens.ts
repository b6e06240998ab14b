import { hash } from 'node:crypto';
import { TOKEN_CLOCK_TOLERANCE_S } from '#contracts';
import { FhirConfig } from '#fhir-endpoints';
import { BaseConfig } from '#host';
import { Injectable } from '@nestjs/common';
import { createLocalJWKSet, errors, jwtVerify, type JWTPayload, type LocalJWKSet } from 'jose';
import { accessTokenAlgorithm, type KeyRing } from './signing-keys.js';
import { TokenEndpoint } from './token-endpoint.js';

/** So many verified tokens are remembered. */
const REMEMBERED = 20_000;

/** What is known under one ring of keys: forgotten as a whole when a key comes or goes. */
interface Known {
  readonly ring: KeyRing;
  readonly keys: LocalJWKSet;
  /** Claims by the hash of the whole token: that its signature verifies, and nothing else. */
  readonly verified: Map<string, JWTPayload>;
}

/** Reads access tokens of ours. */
@Injectable()
export class AccessTokens {
  private known: Known | undefined;

  constructor(
    private readonly endpoint: TokenEndpoint,
    private readonly base: BaseConfig,
    private readonly fhir: FhirConfig,
  ) {}

  /** The claims of an access token of ours that the gateway may still believe. Throws `NotServing`. */
  async living(given: string): Promise<JWTPayload | undefined> {
    const { keys, verified } = this.knownNow();
    const digest = hash('sha256', given, 'base64');
    const claims = verified.get(digest) ?? (await this.verify(given, keys));
    if (claims?.exp === undefined || claims.exp + TOKEN_CLOCK_TOLERANCE_S <= Date.now() / 1000) {
      verified.delete(digest);
      return undefined;
    }
    const [oldest] = verified.keys();
    if (verified.size >= REMEMBERED && oldest !== undefined) verified.delete(oldest);
    verified.set(digest, claims);
    return claims;
  }

  private async verify(given: string, keys: LocalJWKSet): Promise<JWTPayload | undefined> {
    const { publicUrl } = this.base;
    try {
      const { payload } = await jwtVerify(given, keys, {
        issuer: publicUrl,
        audience: this.fhir.endpoints.all.map(({ base }) => base),
        typ: 'at+jwt',
        algorithms: [accessTokenAlgorithm],
        clockTolerance: TOKEN_CLOCK_TOLERANCE_S,
      });
      return payload;
    } catch (error) {
      if (error instanceof errors.JOSEError) return undefined;
      throw error;
    }
  }

  private knownNow(): Known {
    const ring = this.endpoint.keyRing();
    if (this.known?.ring !== ring) {
      const published = ring.published.filter(({ alg }) => alg === accessTokenAlgorithm);
      this.known = {
        ring,
        keys: createLocalJWKSet({ keys: published.map(({ publicJwk }) => publicJwk) }),
        verified: new Map(),
      };
    }
    return this.known;
  }
}
