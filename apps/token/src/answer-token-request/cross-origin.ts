import { type KnownOrigins, originsOf } from '#access';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { errors } from 'oidc-provider';
import type { OpenAccess } from '../authenticate-client/admitted-clients.js';

/** How long a browser may remember a preflight, in seconds: as at the FHIR API. */
const PREFLIGHT_LIFE_S = 600;
/** What pages may send besides a form. */
const REQUEST_HEADERS = 'Accept, Authorization, Content-Type, DPoP';
const EXPOSED = 'DPoP-Nonce, WWW-Authenticate';

type Known = Pick<KnownOrigins, 'isOfAny'>;

/**
 * Answers a preflight, which comes without a token and names no client: pages of any application with open access may
 * ask (security.md, Enforcement: CORS). Whose page may read the answer is looked at again when the request says whose it is.
 */
export function answerPreflight(known: Known, { headers }: IncomingMessage, response: ServerResponse): void {
  const { origin, 'access-control-request-method': method } = headers;
  response.setHeader('vary', 'Origin');
  if (method !== undefined && origin !== undefined && known.isOfAny(origin)) {
    response.setHeader('access-control-allow-origin', origin);
    response.setHeader('access-control-allow-methods', 'POST');
    response.setHeader('access-control-allow-headers', REQUEST_HEADERS);
    response.setHeader('access-control-max-age', String(PREFLIGHT_LIFE_S));
  }
  response.writeHead(204).end();
}

/**
 * Before it is known who asks: lets pages of any application with open access read the answer, errors included, and the
 * nonce of their proofs (RFC 9449, 8.2).
 */
export function letPageRead(known: Known, origin: string | undefined, response: ServerResponse): void {
  response.setHeader('vary', 'Origin');
  if (origin === undefined || !known.isOfAny(origin)) return;
  allow(origin, response);
}

/**
 * Once it is: whether the page is one of the client's.
 *
 * @throws errors.InvalidRequest for another, which may not read it either
 */
export function mustBePageOf(access: OpenAccess, origin: string, response: ServerResponse): void {
  // Also where the look at all applications, which counts for some seconds, has not found it yet.
  if (originsOf(access).includes(origin)) return allow(origin, response);
  response.removeHeader('access-control-allow-origin');
  response.removeHeader('access-control-expose-headers');
  throw new errors.InvalidRequest('its pages do not come from this origin');
}

function allow(origin: string, response: ServerResponse): void {
  response.setHeader('access-control-allow-origin', origin);
  response.setHeader('access-control-expose-headers', EXPOSED);
}
