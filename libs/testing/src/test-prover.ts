import { createHash, randomUUID } from 'node:crypto';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT, type JWK } from 'jose';

/** Somebody who holds a key and shows it with each request (RFC 9449). */
export interface TestProver {
  readonly thumbprint: string;
  readonly jwk: JWK;
  /**
   * A proof for a request. What is given as `claims` and `header` replaces what is right; `undefined` takes it away.
   *
   * @param accessToken what the request carries
   */
  proof(
    method: string,
    url: string,
    given?: {
      readonly accessToken?: string;
      readonly claims?: Readonly<Record<string, unknown>>;
      readonly header?: Readonly<Record<string, unknown>>;
    },
  ): Promise<string>;
}

/** One with a new key. */
export async function testProver(alg: 'ES256' | 'ES384' | 'RS256' | 'Ed25519' = 'ES256'): Promise<TestProver> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = await exportJWK(publicKey);
  return {
    jwk,
    thumbprint: await calculateJwkThumbprint(jwk),
    proof: (method, url, { accessToken, claims = {}, header = {} } = {}) =>
      new SignJWT({
        jti: randomUUID(),
        htm: method,
        htu: url,
        iat: Math.floor(Date.now() / 1000),
        ...(accessToken === undefined ? {} : { ath: createHash('sha256').update(accessToken).digest('base64url') }),
        ...claims,
      })
        .setProtectedHeader({ alg, typ: 'dpop+jwt', jwk, ...header })
        .sign(privateKey),
  };
}
