import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { BaseConfig } from '../config/base-config.js';
import type { DeclaredRoute } from '../identity/assert-routes-named.js';
import { problemBody } from '../problem/problems.js';
import { problemMediaType, problemOfStatus } from '../problem/problem.js';
import type { Answers } from './http-server.js';
import type { RouteTable } from './route-table.js';

/**
 * What clients and patients reach. Everything else is administration (security.md, The process), and so is, below these
 * too, each route that names roles: it is for the organisation's own people and services (docs/adr/0036).
 */
const publicPaths = ['/oauth', '/.well-known', '/fhir'] as const;

/**
 * Tells the two ports apart where `ADMIN_PORT` is set: each answers 404 for what the other serves, before it reads a body.
 * Must be called before the server is ready.
 *
 * @param routes those that controllers declare
 * @param table all that there are: a path whose every route names roles is administration for any other method as well
 * @param more paths that are public besides
 */
export function separateAdministration(
  server: FastifyInstance,
  admin: Server,
  routes: readonly DeclaredRoute[],
  table: Pick<RouteTable, 'at'>,
  more: readonly string[],
): void {
  const paths = [...publicPaths, ...more];
  const withRoles = new Set(
    routes.flatMap((route) =>
      route.access?.kind === 'public' ? [] : route.paths.map((path) => keyOf(route.method, path)),
    ),
  );
  const namesRoles = (method: string, url: string) => withRoles.has(keyOf(method, url));
  const adminSockets = new WeakSet<object>();
  admin.on('connection', (socket) => adminSockets.add(socket));
  server.addHook('onRequest', (request, reply, done) => {
    // The route that will answer, however its path was written; where there is none, the path as it was sent.
    const path = request.routeOptions.url ?? request.raw.url?.split('?', 1)[0] ?? '/';
    const others = request.is404 ? table.at(path) : [];
    const isAdministration =
      namesRoles(request.method, path) ||
      (others.length > 0 && others.every(({ method, url }) => namesRoles(method, url)));
    const isPublic = !isAdministration && paths.some((prefix) => path === prefix || path.startsWith(`${prefix}/`));
    if (isPublic !== adminSockets.has(request.raw.socket)) return done();
    void reply
      .status(404)
      .type(problemMediaType)
      .send(problemBody(problemOfStatus(404, 'There is no such resource, or you may not see it.')));
  });
}

/** HEAD is what GET is. */
function keyOf(method: string, path: string): string {
  return `${method === 'HEAD' ? 'GET' : method} ${path}`;
}

/** The second server, with the first one's limits, routes and mounts. */
export function createAdminServer({ server }: FastifyInstance, answer: Answers): Server {
  const { requestTimeout, keepAliveTimeout } = server;
  const admin = createServer({ requestTimeout, keepAliveTimeout }, (request, response) =>
    answer(request, response, 'administration'),
  );
  admin.maxConnections = server.maxConnections;
  return admin;
}

/** Listens on `ADMIN_PORT`. */
export async function listenForAdministration(admin: Server, base: BaseConfig): Promise<void> {
  admin.listen(base.adminPort, base.host);
  await once(admin, 'listening');
}
