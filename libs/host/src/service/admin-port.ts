import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { BaseConfig } from '../config/base-config.js';
import { problemBody } from '../problem/problem-filter.js';
import { problemMediaType, problemOfStatus } from '../problem/problem.js';

/** What clients and patients reach; everything else is administration (security.md, The process). */
const publicPaths = ['/oauth', '/.well-known', '/fhir'] as const;

/**
 * Tells the two ports apart where `ADMIN_PORT` is set: each answers 404 for what the other serves. Must be
 * called before the server is ready.
 */
export function separateAdministration(server: FastifyInstance, admin: Server, more: readonly string[]): void {
  const paths = [...publicPaths, ...more];
  const adminSockets = new WeakSet<object>();
  admin.on('connection', (socket) => adminSockets.add(socket));
  server.addHook('onRequest', (request, reply, done) => {
    const path = request.raw.url?.split('?', 1)[0] ?? '/';
    const isPublic = paths.some((prefix) => path === prefix || path.startsWith(`${prefix}/`));
    if (isPublic !== adminSockets.has(request.raw.socket)) return done();
    void reply
      .status(404)
      .type(problemMediaType)
      .send(problemBody(problemOfStatus(404, 'There is no such resource, or you may not see it.')));
  });
}

/** The second server, with the first one's limits and routes. */
export function createAdminServer(server: FastifyInstance): Server {
  const { requestTimeout, keepAliveTimeout } = server.server;
  return createServer({ requestTimeout, keepAliveTimeout }, (request, response) => server.routing(request, response));
}

/** Listens on `ADMIN_PORT`. */
export async function listenForAdministration(admin: Server, base: BaseConfig): Promise<void> {
  admin.listen(base.adminPort, base.host);
  await once(admin, 'listening');
}
