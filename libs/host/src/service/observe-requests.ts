import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import type { Log } from '../logging/log.js';
import type { DirectMounts } from '../mount/direct-mounts.js';
import { Metrics } from '../metrics/metrics.js';
import type { Tracing } from '../tracing/tracing.js';

/**
 * One line and one observation per response, by route template: never the URL, which may hold personal data. Direct
 * mounts have no line: what their calls are about has records of its own.
 */
export function observeRequests(
  app: NestFastifyApplication,
  server: FastifyInstance,
  direct: DirectMounts,
  log: Log,
  tracing: Tracing,
): void {
  const metrics = app.get(Metrics);
  direct.observe((method, route, status, seconds) => metrics.observeHttp(method, route, status, seconds));
  server.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? '(none)';
    tracing.routed(reply.raw, route);
    metrics.observeHttp(request.method, route, reply.statusCode, reply.elapsedTime / 1000);
    if (!route.startsWith('/health') && route !== '/metrics') {
      log.info('answered', {
        method: request.method,
        route,
        status: reply.statusCode,
        durationMs: Math.round(reply.elapsedTime),
      });
    }
    done();
  });
}
