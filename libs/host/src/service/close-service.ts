import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Server } from 'node:http';
import { HealthRegistry } from '../health/health-registry.js';
import type { Log } from '../logging/log.js';

/** How long calls in flight may take to end, in milliseconds; the rest of 10 s is for the modules. */
const drainTime = 6_000;

/**
 * Stops accepting, lets calls in flight end (6 s at most, then cuts them), and only then closes the modules,
 * so that a call still finds its log and its database.
 */
export async function closeService(app: NestFastifyApplication, log: Log): Promise<void> {
  app.get(HealthRegistry).stop();
  await drain(app.getHttpServer(), log);
  await app.close();
}

async function drain(server: Server, log: Log): Promise<void> {
  if (!server.listening) return;
  const { promise: drained, resolve } = Promise.withResolvers<void>();
  // A connection kept alive is closed with the answer that it is waiting for.
  server.on('request', (_request, response) => response.setHeader('Connection', 'close'));
  server.close(() => resolve());
  server.closeIdleConnections();
  const cut = setTimeout(() => {
    log.warn('calls were cut because they did not end in time');
    server.closeAllConnections();
  }, drainTime);
  await drained;
  clearTimeout(cut);
}
