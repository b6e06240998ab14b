import type { Vault } from '#vault';
import type { IncomingMessage } from 'node:http';
import { ProblemException, unauthenticated, unavailable } from '../problem/problem-exception.js';
import { problemOfStatus } from '../problem/problem.js';
import { TokenRefused, type TokenIdentity } from './access-token.js';
import type { Caller, Role } from './caller.js';
import { ProviderUnavailable, type IdentityProvider } from './identity-provider.js';

/** What an authenticated request is: its caller, and the roles that a stronger sign-in would add. */
export interface Authenticated {
  readonly caller: Caller;
  readonly withheld: readonly Role[];
}

/** Turns a request's bearer token into its caller. */
export class Authenticator {
  constructor(
    private readonly provider: IdentityProvider,
    private readonly vault: Vault,
  ) {}

  /**
   * Throws a 400, 401 or 503 problem.
   *
   * @param header where the token stands, in lower case: another than `authorization` where that one is somebody else's
   */
  async authenticate(request: IncomingMessage, header = 'authorization'): Promise<Authenticated> {
    const identity = await this.identify(bearerTokenOf(request, header));
    const { issuer, subject, name, email } = identity;
    const profile = { ...(name === undefined ? {} : { name }), ...(email === undefined ? {} : { email }) };
    const id = await this.vault.subjectId(issuer, subject, profile);
    return { caller: { id, issuer, subject, ...profile, roles: identity.roles }, withheld: identity.withheld };
  }

  private async identify(token: string): Promise<TokenIdentity> {
    try {
      return await this.provider.verify(token);
    } catch (error) {
      if (error instanceof TokenRefused) throw unauthenticated(error.reason, 'invalid_token');
      if (error instanceof ProviderUnavailable)
        throw unavailable('The identity provider cannot be asked now.', 2, error);
      throw error;
    }
  }
}

/**
 * RFC 6750 §2.1: one `Authorization: Bearer` header, or another in its place. A token in the query string is refused, not
 * ignored.
 */
function bearerTokenOf(request: IncomingMessage, header: string): string {
  if (/[?&]access_token=/i.test(request.url ?? '')) {
    throw new ProblemException(problemOfStatus(400, 'Send the token in the Authorization header, never in the URL.'), {
      'WWW-Authenticate': 'Bearer error="invalid_request"',
    });
  }
  const { rawHeaders } = request;
  const isHeader = (at: number) => rawHeaders[at]?.length === header.length && rawHeaders[at].toLowerCase() === header;
  let found = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) if (isHeader(at)) found++;
  if (found > 1) throw new ProblemException(problemOfStatus(400, `Send one ${shown(header)} header.`));
  const value = request.headers[header];
  if (typeof value !== 'string') throw unauthenticated(`Send a bearer token in the ${shown(header)} header.`);
  const token = /^bearer +([\w.~+/=-]+)$/i.exec(value)?.[1];
  if (token === undefined) throw unauthenticated(`The ${shown(header)} header is not a bearer token.`, 'invalid_token');
  return token;
}

/** A header's name as it is usually written. */
function shown(header: string): string {
  return header.replaceAll(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
}
