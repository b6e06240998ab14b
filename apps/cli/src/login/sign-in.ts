import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import * as client from 'openid-client';
import { Failure } from '../failure.js';
import type { KeptLogin } from './kept-logins.js';

/** Where people sign in. */
export interface Provider {
  /** `IDENTITY_ISSUER`. */
  readonly issuer: string;
  readonly clientId: string;
  /** The API that the token is for (RFC 8707), for providers that need to be told. */
  readonly resource: string | undefined;
}

const SCOPE = 'openid profile email offline_access';
/** How long the person has. */
const PATIENCE_MS = 300_000;
/** A token that ends sooner is asked for anew. */
const MARGIN_MS = 30_000;

/** The page that a browser is left with. */
const DONE = '<!doctype html><meta charset="utf-8"><title>Gatehouse</title><p>Signed in. You may close this page.</p>';

/**
 * Signs a person in by a browser: the authorization code comes back to a port of loopback (RFC 8252, 7.3), and PKCE
 * keeps anybody else from spending it.
 *
 * @param say tells the person where to go
 */
export async function signInByBrowser(provider: Provider, say: (text: string) => void): Promise<KeptLogin> {
  const configuration = await discover(provider);
  const verifier = client.randomPKCECodeVerifier();
  const state = client.randomState();
  const { server, redirectUri, answered } = await listenForCode(state);
  try {
    const url = client.buildAuthorizationUrl(configuration, {
      redirect_uri: redirectUri,
      scope: SCOPE,
      state,
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...(provider.resource === undefined ? {} : { resource: provider.resource }),
    });
    say(`Open this page in a browser of this machine:\n\n  ${url.href}\n`);
    const tokens = await client.authorizationCodeGrant(configuration, await answered, {
      pkceCodeVerifier: verifier,
      expectedState: state,
    });
    return kept(provider, tokens);
  } catch (error) {
    throw refusal(error);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** Signs a person in on another device (RFC 8628): they type a code there. */
export async function signInByDevice(provider: Provider, say: (text: string) => void): Promise<KeptLogin> {
  const configuration = await discover(provider);
  try {
    const asked = await client.initiateDeviceAuthorization(configuration, {
      scope: SCOPE,
      ...(provider.resource === undefined ? {} : { resource: provider.resource }),
    });
    say(`Open ${asked.verification_uri} on any device, and type the code ${asked.user_code}`);
    const signal = AbortSignal.timeout(PATIENCE_MS);
    return kept(provider, await client.pollDeviceAuthorizationGrant(configuration, asked, undefined, { signal }));
  } catch (error) {
    throw refusal(error);
  }
}

/** The token of a sign-in, or one asked for in its place when it is about to end; `renewed` is then to be kept. */
export async function freshToken(login: KeptLogin): Promise<{ readonly token: string; readonly renewed?: KeptLogin }> {
  if (login.expiresAt - MARGIN_MS > Date.now()) return { token: login.accessToken };
  if (login.refreshToken === undefined) throw new Failure('Your sign-in has ended: `gatehouse login` signs in again.');
  const provider = { issuer: login.issuer, clientId: login.clientId, resource: undefined };
  const configuration = await discover(provider);
  try {
    const tokens = await client.refreshTokenGrant(configuration, login.refreshToken);
    const renewed = { refreshToken: login.refreshToken, ...kept(provider, tokens) };
    return { token: renewed.accessToken, renewed };
  } catch (error) {
    throw new Failure('Your sign-in has ended: `gatehouse login` signs in again.', { cause: error });
  }
}

async function discover({ issuer, clientId }: Provider): Promise<client.Configuration> {
  try {
    const url = new URL(issuer);
    const loopback = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(url.hostname);
    // Plain http is for the provider of development, on this machine.
    const options = loopback && url.protocol === 'http:' ? { execute: [client.allowInsecureRequests] } : {};
    return await client.discovery(url, clientId, undefined, client.None(), options);
  } catch (error) {
    throw new Failure(`${issuer} cannot be asked for a sign-in: ${error instanceof Error ? error.message : ''}`, {
      cause: error,
    });
  }
}

async function listenForCode(
  state: string,
): Promise<{ readonly server: Server; readonly redirectUri: string; readonly answered: Promise<URL> }> {
  const { promise: answered, resolve, reject } = Promise.withResolvers<URL>();
  // It may fail before anybody waits; who waits sees it.
  answered.catch(() => undefined);
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', redirectUri);
    // Whoever else knocks at this port knows no state.
    if (url.pathname !== '/callback' || url.searchParams.get('state') !== state) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(DONE, () => resolve(url));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const redirectUri = `http://127.0.0.1:${port}/callback`;
  const late = setTimeout(() => reject(new Failure('Nobody signed in within five minutes.')), PATIENCE_MS);
  server.on('close', () => clearTimeout(late));
  return { server, redirectUri, answered };
}

function kept({ issuer, clientId }: Provider, tokens: client.TokenEndpointResponse): KeptLogin {
  const { access_token: accessToken, refresh_token: refreshToken, expires_in: life = 300 } = tokens;
  return {
    issuer,
    clientId,
    accessToken,
    expiresAt: Date.now() + life * 1_000,
    ...(refreshToken === undefined ? {} : { refreshToken }),
  };
}

function refusal(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const known = error instanceof client.AuthorizationResponseError || error instanceof client.ResponseBodyError;
  const why = known
    ? `${error.error}${error.error_description === undefined ? '' : `: ${error.error_description}`}`
    : error instanceof Error
      ? error.message
      : 'for a reason that it did not give';
  return new Failure(`The provider did not sign you in: ${why}`, { cause: error });
}
