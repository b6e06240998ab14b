import { setTimeout as wait } from 'node:timers/promises';
import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { channels } from '#contracts';
import { ensureTopics, NotAppended, UnsafeTopics, type LogSettings } from '#event-log';
import { HealthRegistry } from '../health/health-registry.js';
import { Log } from '../logging/log.js';
import { ErrorTranslators } from '../problem/error-translators.js';
import { unavailable } from '../problem/problem-exception.js';
import { FatalErrors } from '../service/fatal-errors.js';
import { LogConfig } from './log-config.js';

/** How this process reaches the log: `@Inject(LOG_SETTINGS) settings: LogSettings`. */
export const LOG_SETTINGS = Symbol('gatehouse:log-settings');

const allTopics = channels.map(({ topic }) => topic);

/**
 * Sees to the topics before anything uses them: creates what is missing, and ends the process when the log stands in a
 * way that could lose history. While no broker answers, the process lives, is not ready, and asks again.
 */
@Injectable()
export class LogStartup implements BeforeApplicationShutdown {
  private readonly prepared = Promise.withResolvers<void>();
  private readonly stop = new AbortController();
  private standing = false;
  private asked = false;

  constructor(
    @Inject(LOG_SETTINGS) private readonly settings: LogSettings,
    private readonly config: LogConfig,
    private readonly log: Log,
    private readonly health: HealthRegistry,
    private readonly fatal: FatalErrors,
    translators: ErrorTranslators,
  ) {
    translators.add((error) =>
      error instanceof NotAppended
        ? unavailable('The log cannot be written now; nothing was done.', 2, error)
        : undefined,
    );
    // A process that stops before the log came has nobody waiting.
    this.prepared.promise.catch(() => this.log.debug('the log never came'));
  }

  beforeApplicationShutdown(): void {
    this.stop.abort();
    this.prepared.reject(new Error('stopped'));
  }

  /** Whether the process is stopping. */
  get stopped(): boolean {
    return this.stop.signal.aborted;
  }

  /**
   * Resolves when every topic is there and stands as it must; rejects when the process stops before. The first call
   * begins it: a process that has no part in the log needs no broker.
   */
  ready(): Promise<void> {
    if (!this.asked) {
      this.asked = true;
      this.health.register('log', () => {
        if (!this.standing) throw new Error('the topics are not there yet');
      });
      void this.prepare();
    }
    return this.prepared.promise;
  }

  private async prepare(): Promise<void> {
    for (let attempt = 1; !this.stop.signal.aborted; attempt++) {
      try {
        await ensureTopics(this.settings, allTopics, this.config.guard());
        this.standing = true;
        this.prepared.resolve();
        return;
      } catch (error) {
        if (error instanceof UnsafeTopics) {
          this.fatal.report('the log is not safe to use', error);
          return;
        }
        if (attempt === 1 || attempt % 30 === 0) this.log.warn('the log cannot be reached', error, { attempt });
        await wait(1_000, undefined, { signal: this.stop.signal }).catch(() =>
          this.log.debug('stopped waiting for the log'),
        );
      }
    }
  }
}
