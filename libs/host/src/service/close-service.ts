import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Server, ServerResponse } from 'node:http';
import { HealthRegistry } from '../health/health-registry.js';
import type { Log } from '../logging/log.js';

/** How long calls in flight may take to end, in milliseconds; the rest of 10 s is for the modules. */
const drainTime = 6_000;

/** The responses that a server has begun to work on and not ended, those of mounted handlers included. */
export class CallsInFlight {
  private readonly responses = new Set<ServerResponse>();
  private readonly ended = Promise.withResolvers<void>();
  private stopping = false;

  constructor(private readonly server: Server) {
    server.prependListener('request', (_request, response) => {
      this.responses.add(response);
      // A connection that is kept alive is closed with the answer that it waits for.
      if (this.stopping) response.setHeader('Connection', 'close');
      response.once('close', () => {
        this.responses.delete(response);
        this.check();
      });
    });
  }

  /** Accepts nothing more and waits until every call has ended, or 6 s; then closes what is still open. */
  async drain(log: Log): Promise<void> {
    if (!this.server.listening) return;
    this.stopping = true;
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.server.closeIdleConnections();
    const late = setTimeout(() => {
      log.warn('calls were cut because they did not end in time', undefined, { count: this.responses.size });
      this.ended.resolve();
    }, drainTime);
    this.check();
    await this.ended.promise;
    clearTimeout(late);
    // A connection whose request was refused before it was read whole counts as busy for Node, and would stay.
    this.server.closeAllConnections();
    await closed;
  }

  private check(): void {
    if (this.stopping && this.responses.size === 0) this.ended.resolve();
  }
}

/**
 * Stops accepting, lets calls in flight end, and only then closes the modules, so that a call still finds its
 * log and its database.
 */
export async function closeService(
  app: NestFastifyApplication,
  calls: readonly CallsInFlight[],
  log: Log,
): Promise<void> {
  app.get(HealthRegistry).stop();
  await Promise.all(calls.map((each) => each.drain(log)));
  await app.close();
}
