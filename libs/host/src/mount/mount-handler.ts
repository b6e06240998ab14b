import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** A handler of Node's own kind that answers everything below one path. */
export interface MountedHandler {
  /** The path below which it answers, without a slash at its end: `/oauth`. */
  readonly prefix: string;
  /** Hands the whole URL over, for a handler whose own routes start with the prefix, and may stand under several. */
  readonly keepPrefix?: boolean;
  /** Where callers reach this service (`PUBLIC_URL`): the handler sees it as the request's host and protocol. */
  readonly publicUrl: string;
  /** Gets the request with its body unread, and a URL below the prefix; the full one is then `originalUrl`. */
  readonly handler: (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;
  /** Told of what the handler threw; the caller got a bare 500, or a cut response. */
  readonly onError: (error: unknown) => void;
}

/**
 * Mounts a Node handler, such as oidc-provider's `provider.callback()`, in a Fastify server (with Nest: in
 * `onModuleInit`, before the server is ready). Bodies below the prefix are not parsed: the handler reads the raw
 * stream. Hooks of the server (correlation ids, security headers, logs) run as for any route.
 *
 * `Host` and the forwarded headers are set from `publicUrl` and from the address that Fastify believes, so that no
 * caller chooses the URLs that the handler writes. A Koa application, as oidc-provider is, takes the protocol from
 * them only with `provider.proxy = true`.
 */
export function mountHandler(server: FastifyInstance, mounted: MountedHandler): void {
  void server.register(
    (scope, _options, done) => {
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser('*', (_request, _payload, parsed) => parsed(null));
      const route = async (request: FastifyRequest, reply: FastifyReply) => handOver(mounted, request, reply);
      // Fastify reads no body whose content type is none; what to say of it is the handler's, too.
      scope.setErrorHandler((error: FastifyError, request, reply) => {
        if (error.code !== 'FST_ERR_CTP_INVALID_MEDIA_TYPE') throw error;
        return route(request, reply);
      });
      scope.all('/', route);
      scope.all('/*', route);
      done();
    },
    { prefix: mounted.prefix },
  );
}

async function handOver(mounted: MountedHandler, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const { prefix, publicUrl, handler, onError } = mounted;
  const { raw } = request;
  const originalUrl = raw.url ?? '/';
  // The router matches decoded paths; a prefix that is not written as it is would be cut off in the wrong place.
  const below = originalUrl.startsWith(prefix) ? originalUrl.slice(prefix.length) : undefined;
  if (below === undefined || !/^([/?]|$)/.test(below)) return reply.callNotFound();

  const response = reply.hijack().raw;
  pinOrigin(raw, new URL(publicUrl), request.ip);
  if (!mounted.keepPrefix) {
    // oidc-provider and others tell from the two where they are mounted.
    Object.assign(raw, { originalUrl });
    raw.url = below.startsWith('/') ? below : `/${below}`;
  }
  try {
    await handler(raw, response);
  } catch (error) {
    onError(error);
    if (response.headersSent) response.destroy();
    else response.writeHead(500, { 'content-length': '0' }).end();
  }
}

function pinOrigin(raw: IncomingMessage, origin: URL, address: string): void {
  delete raw.headers['forwarded'];
  for (const name of Object.keys(raw.headers)) if (name.startsWith('x-forwarded-')) delete raw.headers[name];
  raw.headers.host = origin.host;
  raw.headers['x-forwarded-host'] = origin.host;
  raw.headers['x-forwarded-proto'] = origin.protocol.slice(0, -1);
  raw.headers['x-forwarded-for'] = address;
}
