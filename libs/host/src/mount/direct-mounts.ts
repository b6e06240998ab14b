import type { FastifyInstance } from 'fastify';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { correlationIdOf, requestIdOf, withContext } from '../logging/request-context.js';
import type { Tracing } from '../tracing/tracing.js';

/** A handler that answers everything below one path before the router is asked. */
export interface DirectMount {
  /** The path below which it answers, without a slash at its end: `/fhir`. */
  readonly prefix: string;
  /** Gets the request as it came, with the address that is believed; what it throws becomes a bare 500, or a cut response. */
  readonly handler: (request: IncomingMessage, response: ServerResponse, address: string) => Promise<void>;
  /** Told of what the handler threw. */
  readonly onError: (error: unknown) => void;
  /** What it answers below the path; all of it without, and what it does not take is the router's. */
  readonly takes?: (request: IncomingMessage) => boolean;
  /** It is for the organisation's own people and services: answered where `ADMIN_PORT` is, if that is set. */
  readonly isAdministration?: true;
  /** The route that metrics and traces name; everything below the path without. */
  readonly route?: string;
}

/** What a port serves. */
export type Serves = 'everything' | 'what is public' | 'administration';

const mountsOf = new WeakMap<FastifyInstance, DirectMounts>();

/** Mounts a handler before the router of a server that `createHttpServer` made (with Nest: in `onModuleInit`). */
export function mountDirectly(server: FastifyInstance, mount: DirectMount): void {
  const mounts = mountsOf.get(server);
  if (!mounts) throw new Error('this server takes no direct mounts');
  mounts.add(mount);
}

/** Told of each response: method, route, status, and seconds from the request's head to its end. */
export type OnAnswered = (method: string, route: string, status: number, seconds: number) => void;

/**
 * Mounts of which every microsecond counts: they pass the router, its hooks and the log line of each response by. A
 * correlation id, the security headers and the metrics are theirs as every route's.
 */
export class DirectMounts {
  readonly #mounts: DirectMount[] = [];
  #onAnswered: OnAnswered = () => undefined;

  constructor(
    private readonly headers: readonly (readonly [string, string])[],
    /** Whom a request is believed to come from. */
    private readonly addressOf: (request: IncomingMessage) => string,
    private readonly tracing: Pick<Tracing, 'received' | 'routed'>,
  ) {}

  /** Lets `mountDirectly` find them. */
  belongTo(server: FastifyInstance): void {
    mountsOf.set(server, this);
  }

  add(mount: DirectMount): void {
    this.#mounts.push(mount);
  }

  observe(onAnswered: OnAnswered): void {
    this.#onAnswered = onAnswered;
  }

  /** Answers a request below one of the mounts that a port serves. @returns whether it is one */
  answer(request: IncomingMessage, response: ServerResponse, serves: Serves = 'everything'): boolean {
    const { url = '/', method = '' } = request;
    const mount = this.#mounts.find(
      (it) => isBelow(url, it.prefix) && isServed(it, serves) && it.takes?.(request) !== false,
    );
    if (!mount) return false;
    const route = mount.route ?? `${mount.prefix}/*`;
    const from = performance.now();
    const id = correlationIdOf(request.headers);
    response.setHeader('X-Correlation-Id', id);
    const requestId = requestIdOf(request.headers);
    if (requestId !== undefined) response.setHeader('X-Request-ID', requestId);
    for (const [name, value] of this.headers) response.setHeader(name, value);
    response.once('finish', () =>
      this.#onAnswered(method, route, response.statusCode, (performance.now() - from) / 1_000),
    );
    const traceparent = this.tracing.received(request, response);
    this.tracing.routed(response, route);
    withContext({ correlationId: id, traceparent }, () => {
      mount.handler(request, response, this.addressOf(request)).catch((error: unknown) => {
        mount.onError(error);
        if (response.headersSent) response.destroy();
        else response.writeHead(500, { 'content-length': '0' }).end();
      });
    });
    return true;
  }
}

function isServed({ isAdministration }: DirectMount, serves: Serves): boolean {
  return serves === 'everything' || (isAdministration === true) === (serves === 'administration');
}

/** The path as it was sent: one that only decodes to the prefix is the router's, which knows no such route. */
function isBelow(url: string, prefix: string): boolean {
  if (!url.startsWith(prefix)) return false;
  const next = url[prefix.length];
  return next === undefined || next === '/' || next === '?';
}
