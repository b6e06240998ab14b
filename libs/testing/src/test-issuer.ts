import { once } from 'node:events';
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWTHeaderParameters } from 'jose';

/** What a test's token says; what is left out is as a good token has it. `undefined` leaves a claim away. */
export interface TokenClaims {
  readonly sub?: string | undefined;
  readonly roles?: readonly string[] | undefined;
  readonly [claim: string]: unknown;
}

/** An OpenID provider on loopback that signs what a test asks for, and signs in whoever a test says. */
export interface TestIssuer {
  readonly issuer: string;
  readonly audience: string;
  /** How often its keys were asked for. */
  readonly keyRequests: () => number;
  /** An access token; header fields and the signing key may be changed to attack with. */
  token(claims?: TokenClaims, header?: Partial<JWTHeaderParameters>, key?: CryptoKey): Promise<string>;
  /** `Authorization` of a person with these roles. */
  bearer(sub: string, ...roles: string[]): Promise<{ authorization: string }>;
  /**
   * Whom it signs in from now on, and what the id_token says of them. Claims given here win, also over right ones; a
   * key given here signs in the place of its own.
   */
  signInAs(claims: TokenClaims, key?: { readonly privateKey: CryptoKey }): void;
  /** Takes a new key and forgets the old one. */
  rotate(): Promise<void>;
  close(): Promise<void>;
}

/** Starts one. `at` may be a port, for a provider that comes late. */
export async function testIssuer(at = 0, audience = 'gatehouse'): Promise<TestIssuer> {
  let keys = await newKeys(1);
  let requests = 0;
  let person: TokenClaims = { sub: 'someone' };
  let forged: CryptoKey | undefined;
  const nonces = new Map<string, string | undefined>();
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'application/json');
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (request.url === '/.well-known/openid-configuration') response.end(JSON.stringify(description()));
    else if (url.pathname === '/authorize') {
      const back = new URL(url.searchParams.get('redirect_uri') ?? '');
      const code = randomUUID();
      nonces.set(code, url.searchParams.get('nonce') ?? undefined);
      back.search = new URLSearchParams({ code, state: url.searchParams.get('state') ?? '' }).toString();
      response.writeHead(303, { location: back.href }).end();
    } else if (url.pathname === '/token') void answerToken(request, response);
    else if (request.url === '/jwks') {
      requests++;
      response.end(JSON.stringify({ keys: [keys.jwk] }));
    } else response.writeHead(404).end();
  });
  const issuer = `http://127.0.0.1:${await listen(server, at)}`;
  const description = () => ({
    issuer,
    jwks_uri: `${issuer}/jwks`,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    id_token_signing_alg_values_supported: ['ES256'],
  });
  const answerToken = async (request: IncomingMessage, response: ServerResponse) => {
    const form = new URLSearchParams(Buffer.concat(await request.toArray()).toString());
    const nonce = nonces.get(form.get('code') ?? '');
    const claims = { aud: form.get('client_id'), nonce, ...person };
    const idToken = await token(claims, { typ: 'JWT' }, forged);
    response.end(JSON.stringify({ access_token: 'unused', token_type: 'Bearer', id_token: idToken }));
  };
  const token: TestIssuer['token'] = (claims = {}, header = {}, key = keys.privateKey) => {
    const now = Math.floor(Date.now() / 1000);
    const payload: Record<string, unknown> = {
      iss: issuer,
      aud: audience,
      sub: 'someone',
      iat: now,
      exp: now + 300,
      ...claims,
    };
    return new SignJWT(payload).setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: keys.kid, ...header }).sign(key);
  };
  return {
    issuer,
    audience,
    keyRequests: () => requests,
    token,
    bearer: async (sub, ...roles) => ({
      authorization: `Bearer ${await token({ sub, roles, email: `${sub}@example.org`, name: sub })}`,
    }),
    signInAs: (claims, key) => {
      [person, forged] = [claims, key?.privateKey];
    },
    rotate: async () => {
      keys = await newKeys(Number(keys.kid.slice(1)) + 1);
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function newKeys(number: number) {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const kid = `k${number}`;
  return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' } };
}

async function listen(server: Server, port: number): Promise<number> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
