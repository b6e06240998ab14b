import proxyAddress from '@fastify/proxy-addr';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { BaseConfig } from '../config/base-config.js';
import type { Log } from '../logging/log.js';
import { correlationIdOf, requestIdOf, type RequestContext, withContext } from '../logging/request-context.js';
import { DirectMounts, type Serves } from '../mount/direct-mounts.js';
import { problemBody } from '../problem/problems.js';
import type { Tracing } from '../tracing/tracing.js';
import { problemMediaType, problemOfStatus, type Problem } from '../problem/problem.js';
import { RequestsAtOnce } from './requests-at-once.js';
import { RouteTable } from './route-table.js';
import { docsPolicy, securityHeaders } from './security-headers.js';

/** The largest JSON body that Gatehouse's own resources take, in bytes. */
const bodyLimit = 1024 * 1024;

/** So many connections may be open for each request that may be under way; most of them rest. */
const CONNECTIONS_EACH = 4;
/** That there is no room is said once in a while, in milliseconds. */
const SAY_AGAIN_MS = 10_000;

/** Answers a request by what a port serves. */
export type Answers = (request: IncomingMessage, response: ServerResponse, serves: Serves) => void;

/**
 * The HTTP server under Nest: limits, correlation ids, security headers, and problem documents for what
 * fails before a route is reached. Handlers mounted beside Nest get all of it but the parsers; those mounted directly
 * are answered before it.
 */
export function createHttpServer(
  base: BaseConfig,
  log: Log,
  tracing: Tracing,
): {
  adapter: FastifyAdapter;
  server: FastifyInstance;
  direct: DirectMounts;
  routes: RouteTable;
  /** What each port does with a request. */
  answer: Answers;
} {
  const contexts = new WeakMap<ServerResponse, RequestContext>();
  const headers = securityHeaders(base.publicUrl.startsWith('https:'));
  const direct = new DirectMounts(headers, believedAddress(base.trustedProxies), tracing);
  let refusing = false;
  const atOnce = (tellsHealth: boolean): RequestsAtOnce =>
    new RequestsAtOnce({
      most: base.requestsAtOnce,
      bodyLimit,
      tellsHealth,
      headers,
      onRefused: (reason) => {
        if (!refusing) log.warn('requests are refused: there is no room', undefined, { reason });
        if (!refusing) setTimeout(() => (refusing = false), SAY_AGAIN_MS).unref();
        refusing = true;
      },
    });
  // A flood of one port leaves the other its places.
  const [ofPublic, ofAdministration] = [atOnce(base.adminPort === undefined), atOnce(true)];
  let route: (request: IncomingMessage, response: ServerResponse) => void;
  const answer: Answers = (request, response, serves) => {
    const here = serves === 'administration' ? ofAdministration : ofPublic;
    if (!here.enter(request, response) || direct.answer(request, response, serves)) return;
    if (here.admitBody(request, response)) route(request, response);
  };
  const serves = base.adminPort === undefined ? 'everything' : 'what is public';
  const server = fastify({
    logger: false,
    bodyLimit,
    trustProxy: base.trustedProxies.length === 0 ? false : base.trustedProxies,
    requestIdHeader: false,
    routerOptions: { maxParamLength: 2_048 },
    forceCloseConnections: 'idle',
    // Else Fastify loads its compilers of JSON Schemas, 4 MB (docs/adr/0048-memory-at-rest.md).
    schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
    serverFactory(handler) {
      route = handler;
      const made = createServer({ requestTimeout: 60_000, keepAliveTimeout: 65_000 }, (request, response) =>
        answer(request, response, serves),
      );
      made.maxConnections = base.requestsAtOnce * CONNECTIONS_EACH;
      return made;
    },
    frameworkErrors: (error, request, reply) => {
      const status = error.statusCode === 414 ? 414 : 400;
      reply.raw.setHeader('X-Correlation-Id', correlationIdOf(request.headers));
      for (const [name, value] of headers) reply.raw.setHeader(name, value);
      sendProblem(
        reply,
        problemOfStatus(
          status,
          status === 414 ? 'A part of the URL is longer than this service takes.' : 'The URL is malformed.',
        ),
      );
    },
    clientErrorHandler: (error, socket) => {
      if (!socket.writable || error.code === 'ECONNRESET') {
        socket.destroy();
        return;
      }
      log.debug('a connection did not speak HTTP', { code: error.code });
      const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
      const body = JSON.stringify(problemOfStatus(status));
      socket.end(
        `HTTP/1.1 ${status} ${status === 431 ? 'Request Header Fields Too Large' : status === 408 ? 'Request Timeout' : 'Bad Request'}\r\n` +
          `Content-Type: ${problemMediaType}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
      );
    },
  });
  direct.belongTo(server);
  parseBodies(server);
  server.addHook('onRequest', (request, reply, done) => {
    const id = correlationIdOf(request.headers);
    reply.raw.setHeader('X-Correlation-Id', id);
    const requestId = requestIdOf(request.headers);
    if (requestId !== undefined) reply.raw.setHeader('X-Request-ID', requestId);
    for (const [name, value] of headers) reply.raw.setHeader(name, value);
    if (/^\/docs(\/|$)/.test(pathOf(request))) reply.raw.setHeader('Content-Security-Policy', docsPolicy);
    const context = { correlationId: id, traceparent: tracing.received(request.raw, reply.raw) };
    contexts.set(reply.raw, context);
    withContext(context, done);
  });
  // Reading a body leaves the request's asynchronous context; this enters it again.
  server.addHook('preValidation', (_request, reply, done) => {
    const context = contexts.get(reply.raw);
    if (context === undefined) done();
    else withContext(context, done);
  });
  const routes = new RouteTable();
  server.addHook('onRoute', (route) => routes.add(route.method, route.url));
  return { adapter: new FastifyAdapter(server), server, direct, routes, answer };
}

/** Bodies are read by the rules of their classes (libs/host/src/problem/validation.ts). */
function noSchemas(): never {
  throw new Error('a route has a JSON Schema of Fastify: describe what it takes by a class with rules');
}

/** 405 for a method that a resource does not have. Whatever hides a resource must have been hooked in before. */
export function refuseOtherMethods(server: FastifyInstance, routes: RouteTable): void {
  server.addHook('onRequest', (request, reply, done) => {
    const allow = request.is404 ? routes.methodsAt(pathOf(request)) : [];
    if (allow.length === 0) return done();
    reply.header('Allow', allow.join(', '));
    sendProblem(reply, problemOfStatus(405, `This resource supports ${allow.join(', ')}.`));
  });
}

/** Whom a request is believed to come from, as Fastify's own `request.ip` has it. */
function believedAddress(trustedProxies: readonly string[]): (request: IncomingMessage) => string {
  if (trustedProxies.length === 0) return ({ socket }) => socket.remoteAddress ?? '';
  const isTrusted = proxyAddress.compile([...trustedProxies]);
  return (request) => proxyAddress.all(request, isTrusted).at(-1) ?? '';
}

/** JSON alone (RFC 6839's `+json` too) and HTML forms; anything else is 415 unless a mounted handler parses for itself. */
function parseBodies(server: FastifyInstance): void {
  const json = server.getDefaultJsonParser('error', 'error');
  server.removeAllContentTypeParsers();
  server.addContentTypeParser(/^application\/([\w.!#$&^+-]+\+)?json\s*(;|$)/i, { parseAs: 'string' }, json);
  server.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => {
    const form = new Map<string, string | string[]>();
    for (const [name, value] of new URLSearchParams(String(body))) {
      const before = form.get(name);
      form.set(name, before === undefined ? value : [before, value].flat());
    }
    done(null, Object.fromEntries(form));
  });
}

function pathOf(request: FastifyRequest): string {
  return request.raw.url?.split('?', 1)[0] ?? '/';
}

function sendProblem(reply: FastifyReply, problem: Problem): void {
  void reply.status(problem.status).type(problemMediaType).send(problemBody(problem));
}
