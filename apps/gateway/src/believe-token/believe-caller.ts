import type { IncomingHttpHeaders } from 'node:http';
import { NotProven, ProofsUnavailable, type Possession, type Scheme } from '../prove-possession/possession.js';
import { type FhirError, invalidToken, notNow, notProven, tokenRequired } from '../proxy/operation-outcome.js';
import type { AccessTokenClaims } from './access-token-claims.js';
import { KeysUnavailable, TokenNotBelieved, type TokensOfEndpoint } from './verified-tokens.js';

/** By what a caller is believed. */
export interface Believing {
  readonly tokens: TokensOfEndpoint;
  readonly possession: Pick<Possession, 'check' | 'nonce'>;
  /** The keys of the token service, or the proofs that were used, cannot be had. */
  readonly onUnavailable: (error: KeysUnavailable | ProofsUnavailable) => void;
}

/** A request with what it shows of its sender. */
export interface CallerRequest {
  readonly method: string;
  /** Without query. */
  readonly url: string;
  /** A token there does not count. */
  readonly query: string;
  readonly headers: IncomingHttpHeaders;
}

/** The scheme and the token of an Authorization header; undefined where it holds something else. */
export function readAuthorization(header: string): { readonly scheme: Scheme; readonly token: string } | undefined {
  const [, scheme = '', token] = /^(Bearer|DPoP) ([A-Za-z0-9\-._~+/]+=*)$/i.exec(header) ?? [];
  return token === undefined ? undefined : { scheme: scheme.length === 4 ? 'DPoP' : 'Bearer', token };
}

/** What is told to whom no token came from. */
export function noTokenIn(header: string | undefined): FhirError {
  return header === undefined ? tokenRequired() : invalidToken('The Authorization header holds no token.');
}

/** The claims of the token that came with a request, or what its sender is told (RFC 6750; RFC 9449, 7). */
export async function believeCaller(
  { tokens, possession, onUnavailable }: Believing,
  { method, url, query, headers }: CallerRequest,
): Promise<AccessTokenClaims | FhirError> {
  if (/(^|&)access_token(=|&|$)/i.test(query)) return invalidToken('A token in a query string does not count.');
  const given = readAuthorization(headers.authorization ?? '');
  if (given === undefined) return noTokenIn(headers.authorization);
  try {
    const claims = await tokens.believe(given.token);
    if (claims.jkt === undefined && given.scheme === 'Bearer') return claims;
    const { dpop } = headers;
    await possession.check(claims, { ...given, method, url, proof: Array.isArray(dpop) ? dpop.join(', ') : dpop });
    return claims;
  } catch (error) {
    if (error instanceof TokenNotBelieved) return invalidToken(error.reason);
    if (error instanceof NotProven) return notProven(error, possession.nonce());
    if (!(error instanceof KeysUnavailable || error instanceof ProofsUnavailable)) throw error;
    onUnavailable(error);
    return notNow('Tokens cannot be checked now.');
  }
}
