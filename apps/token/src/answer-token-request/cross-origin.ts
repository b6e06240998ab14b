import { originsOf } from '#access';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { errors } from 'oidc-provider';
import type { OpenAccess } from '../authenticate-client/admitted-clients.js';

/** How long a browser may remember a preflight, in seconds. */
const PREFLIGHT_LIFE_S = 3_600;

/** Answers a preflight: whose page may read the answer is known when the request says whose it is. */
export function answerPreflight({ headers }: IncomingMessage, response: ServerResponse): void {
  const { origin, 'access-control-request-method': method, 'access-control-request-headers': asked } = headers;
  response.setHeader('vary', 'Origin');
  if (method !== undefined) {
    response.setHeader('access-control-allow-origin', origin ?? '*');
    response.setHeader('access-control-allow-methods', 'POST');
    response.setHeader('access-control-max-age', String(PREFLIGHT_LIFE_S));
    if (asked !== undefined) response.setHeader('access-control-allow-headers', asked);
  }
  response.writeHead(204).end();
}

/** Lets the page read the answer, errors included, and the nonce of its proofs (RFC 9449, 8.2). */
export function letPageRead(origin: string | undefined, response: ServerResponse): void {
  response.setHeader('vary', 'Origin');
  response.setHeader('access-control-allow-origin', origin ?? '*');
  response.setHeader('access-control-expose-headers', 'DPoP-Nonce,WWW-Authenticate');
}

/**
 * Whether the page is one of the client's.
 *
 * @throws errors.InvalidRequest for another, which may not read it either
 */
export function mustBePageOf(access: OpenAccess, origin: string, response: ServerResponse): void {
  if (originsOf(access).includes(origin)) return;
  response.removeHeader('access-control-allow-origin');
  throw new errors.InvalidRequest('its pages do not come from this origin');
}
