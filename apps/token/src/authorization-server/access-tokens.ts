import { TOKEN_CLOCK_TOLERANCE_S } from '#contracts';
import { FhirConfig } from '#fhir-endpoints';
import { BaseConfig } from '#host';
import { Injectable } from '@nestjs/common';
import { createLocalJWKSet, errors, jwtVerify, type JWK, type JWTPayload } from 'jose';
import { accessTokenAlgorithm } from './signing-keys.js';
import { TokenEndpoint } from './token-endpoint.js';

/** Reads access tokens of ours. */
@Injectable()
export class AccessTokens {
  constructor(
    private readonly endpoint: TokenEndpoint,
    private readonly base: BaseConfig,
    private readonly fhir: FhirConfig,
  ) {}

  /** The claims of an access token of ours that the gateway may still believe. Throws `NotServing`. */
  async living(given: string): Promise<JWTPayload | undefined> {
    const keys = this.endpoint.keyRing().published.filter(({ alg }) => alg === accessTokenAlgorithm);
    const { publicUrl } = this.base;
    try {
      const { payload } = await jwtVerify(given, createLocalJWKSet({ keys: keys.map(publicPart) }), {
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
}

function publicPart({ kty, crv, x, y, kid, alg }: JWK): JWK {
  return { kty, crv, x, y, kid, alg } as JWK;
}
