import type { IncomingMessage, ServerResponse } from 'node:http';
import { type AccessFold, type EffectiveAccess, KnownOrigins, originsOf } from '#access';

const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE';
const REQUEST_HEADERS =
  'Accept, Authorization, Content-Type, DPoP, If-Match, If-Modified-Since, If-None-Exist, If-None-Match, Prefer';
const EXPOSED = 'ETag, Location, Content-Location, Last-Modified, WWW-Authenticate, DPoP-Nonce, Gatehouse-Position';
/**
 * Which pages of browsers may read the answers of the FHIR API (security.md, Enforcement): those of the application that
 * calls; and, while nobody knows which one that is, those of any. Never with credentials.
 */
export class Origins {
  readonly #known: KnownOrigins;

  constructor(access: Pick<AccessFold, 'isOriginOfAny'>) {
    this.#known = new KnownOrigins(access);
  }

  /** Answers a preflight, which comes without a token. @returns whether it was one */
  answerPreflight({ method, headers }: IncomingMessage, response: ServerResponse, isOpenToAll: boolean): boolean {
    const { origin } = headers;
    if (method !== 'OPTIONS' || origin === undefined || headers['access-control-request-method'] === undefined)
      return false;
    const allowed = isOpenToAll ? '*' : this.#known.isOfAny(origin) ? origin : undefined;
    response.writeHead(204, {
      Vary: 'Origin',
      ...(allowed === undefined
        ? {}
        : {
            'Access-Control-Allow-Origin': allowed,
            'Access-Control-Allow-Methods': isOpenToAll ? 'GET, HEAD' : METHODS,
            'Access-Control-Allow-Headers': REQUEST_HEADERS,
            'Access-Control-Max-Age': '600',
          }),
    });
    response.end();
    return true;
  }

  /** Before it is known who calls, so that a page can read that its token does not count. */
  allowAny({ headers: { origin } }: IncomingMessage, response: ServerResponse): void {
    response.setHeader('Vary', 'Origin');
    if (origin === undefined || !this.#known.isOfAny(origin)) return;
    response.setHeader('Access-Control-Allow-Origin', origin);
    response.setHeader('Access-Control-Expose-Headers', EXPOSED);
  }

  /** Once it is: the pages of that application alone. */
  narrowTo(
    access: EffectiveAccess | undefined,
    { headers: { origin } }: IncomingMessage,
    response: ServerResponse,
  ): void {
    if (origin === undefined || (access && originsOf(access).includes(origin))) return;
    response.removeHeader('Access-Control-Allow-Origin');
    response.removeHeader('Access-Control-Expose-Headers');
  }
}
