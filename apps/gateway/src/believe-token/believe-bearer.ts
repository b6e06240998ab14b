import type { IncomingHttpHeaders } from 'node:http';
import { type FhirError, invalidToken, notNow, tokenRequired } from '../proxy/operation-outcome.js';
import type { AccessTokenClaims } from './access-token-claims.js';
import { KeysUnavailable, TokenNotBelieved, type TokensOfEndpoint } from './verified-tokens.js';

/**
 * The claims of the token that came with a request, or what its bearer is told (RFC 6750).
 *
 * @param query            of the request: a token there does not count
 * @param onKeysUnavailable the keys of the token service cannot be had
 */
export async function believeBearer(
  tokens: TokensOfEndpoint,
  headers: Pick<IncomingHttpHeaders, 'authorization'>,
  query: string,
  onKeysUnavailable: (error: KeysUnavailable) => void,
): Promise<AccessTokenClaims | FhirError> {
  if (/(^|&)access_token(=|&|$)/i.test(query)) return invalidToken('A token in a query string does not count.');
  if (headers.authorization === undefined) return tokenRequired();
  const token = /^Bearer ([A-Za-z0-9\-._~+/]+=*)$/i.exec(headers.authorization)?.[1];
  if (token === undefined) return invalidToken('The Authorization header holds no bearer token.');
  try {
    return await tokens.believe(token);
  } catch (error) {
    if (error instanceof TokenNotBelieved) return invalidToken(error.reason);
    if (!(error instanceof KeysUnavailable)) throw error;
    onKeysUnavailable(error);
    return notNow('Tokens cannot be checked now.');
  }
}
