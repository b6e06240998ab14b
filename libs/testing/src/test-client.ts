import { randomUUID } from 'node:crypto';
import { SignJWT, calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose';

/** What stands in the header of an assertion beside what is right, or takes it away. */
interface Header {
  readonly alg?: string;
  readonly kid?: string | undefined;
  readonly typ?: string | undefined;
}

/** A backend service with a key of its own, as SMART App Launch 2.2 has it. */
export interface TestClient {
  readonly clientId: string;
  /** The public key as an application registers it. */
  readonly key: { readonly kid: string; readonly thumbprint: string; readonly jwk: Record<string, unknown> };
  /**
   * Signs a client assertion for an audience; what is given replaces what is right, `null` for `iat` and `undefined` for
   * `kid` and `typ` take them away.
   */
  assertion(
    audience: string,
    claims?: { readonly iat?: number | null; readonly exp?: number; readonly [claim: string]: unknown },
    header?: Header,
  ): Promise<string>;
  /** The form of a token request. */
  form(assertion: string, fields?: Record<string, string>): URLSearchParams;
}

/** A client with a new key. */
export async function testClient(
  clientId: string = randomUUID(),
  alg: 'ES384' | 'RS384' | 'RS256' = 'ES384',
): Promise<TestClient> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const jwk: JWK = await exportJWK(publicKey);
  const kid = `key-of-${clientId}`;
  return {
    clientId,
    key: { kid, thumbprint: await calculateJwkThumbprint(jwk), jwk: { ...jwk, kid } },
    assertion: (audience, { iat = now(), ...claims } = {}, header = {}) =>
      new SignJWT({
        iss: clientId,
        sub: clientId,
        aud: audience,
        jti: randomUUID(),
        exp: now() + 60,
        ...(iat === null ? {} : { iat }),
        ...claims,
      })
        .setProtectedHeader({ alg, ...defined({ typ: 'JWT', kid, ...header }) })
        .sign(privateKey),
    form: (assertion, fields = {}) =>
      new URLSearchParams({
        grant_type: 'client_credentials',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: assertion,
        ...fields,
      }),
  };
}

/** Without the fields that were set to `undefined`, which take away what is right. */
function defined({ kid, typ, ...header }: Header) {
  return { ...header, ...(kid === undefined ? {} : { kid }), ...(typ === undefined ? {} : { typ }) };
}

const now = (): number => Math.floor(Date.now() / 1000);
