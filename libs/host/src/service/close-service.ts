import { setTimeout as wait } from 'node:timers/promises';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Server, ServerResponse } from 'node:http';
import { HealthRegistry } from '../health/health-registry.js';
import type { Log } from '../logging/log.js';
import { UnderWay } from './under-way.js';

/** How long calls in flight may take to end, in milliseconds; the rest of 10 s is for the modules. */
const drainTime = 6_000;

/** The responses that a server has begun to work on and not ended, those of mounted handlers included. */
export class CallsInFlight {
  private readonly responses = new UnderWay<ServerResponse>();
  private readonly ended = Promise.withResolvers<void>();
  private leaving = false;
  private stopping = false;

  constructor(private readonly server: Server) {
    server.prependListener('request', (_request, response) => {
      const end = this.responses.begin(response);
      // A connection that is kept alive is closed with the answer that it waits for.
      if (this.leaving) response.setHeader('Connection', 'close');
      response.once('close', () => {
        end();
        this.check();
      });
    });
  }

  /** Whether anybody may still come. */
  get accepting(): boolean {
    return this.server.listening;
  }

  /** Goes on serving, but each connection ends with its next answer: whoever keeps it opens the next one elsewhere. */
  leave(): void {
    this.leaving = true;
    for (const response of this.responses.all) if (!response.headersSent) response.setHeader('Connection', 'close');
  }

  /** Accepts nothing more and waits until every call has ended, or 6 s; then closes what is still open. */
  async drain(log: Log): Promise<void> {
    if (!this.server.listening) return;
    this.leave();
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
 * Says that it is not ready and goes on serving for a while, so that balancers turn to the others first; then stops
 * accepting, lets calls in flight end, and only then closes the modules, so that a call still finds its log and its
 * database (docs/adr/0032).
 *
 * @param drainSeconds how long it goes on serving; less when `hurry` aborts
 */
export async function closeService(
  app: NestFastifyApplication,
  calls: readonly CallsInFlight[],
  log: Log,
  { drainSeconds, hurry }: { readonly drainSeconds: number; readonly hurry: AbortSignal },
): Promise<void> {
  app.get(HealthRegistry).stop();
  if (calls.some(({ accepting }) => accepting)) {
    for (const each of calls) each.leave();
    await wait(drainSeconds * 1_000, undefined, { signal: hurry }).catch(() => log.info('drains no longer'));
  }
  await Promise.all(calls.map((each) => each.drain(log)));
  await app.close();
}
