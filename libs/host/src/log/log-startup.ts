import { setTimeout as wait } from 'node:timers/promises';
import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { channels, isLogService, logServices, logUses, receivedBy, sentBy, type TopicSpec } from '#contracts';
import {
  assertGuarded,
  ensureTopics,
  NotAppended,
  UnguardedLog,
  UnsafeTopics,
  type LogSettings,
  type Principals,
} from '#event-log';
import { PRODUCT, type Product } from '../docs/product.js';
import { HealthRegistry } from '../health/health-registry.js';
import { Log } from '../logging/log.js';
import { ErrorTranslators } from '../problem/error-translators.js';
import { unavailable } from '../problem/problem-exception.js';
import { FatalErrors } from '../service/fatal-errors.js';
import { BrokerConfig } from './broker-config.js';
import { LogConfig } from './log-config.js';
import { UsedTopics } from './used-topics.js';

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
    private readonly brokers: BrokerConfig,
    @Inject(PRODUCT) private readonly product: Product,
    private readonly used: UsedTopics,
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
    const undeclared = this.used.undeclaredBy(this.product.service);
    if (undeclared.length > 0) {
      const what = `libs/contracts/src/log-use.ts does not say that ${undeclared.join(', or that ')}`;
      this.fatal.report('this service uses more of the log than it says', new Error(what));
      return;
    }
    const principals = this.brokers.whoIsWho();
    for (let attempt = 1; !this.stop.signal.aborted; attempt++) {
      try {
        if (principals !== undefined) await assertGuarded(this.settings, this.services(), principals);
        await ensureTopics(this.settings, this.topics(principals), this.config.guard());
        this.standing = true;
        this.prepared.resolve();
        return;
      } catch (error) {
        if (error instanceof UnsafeTopics || error instanceof UnguardedLog) {
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

  /** The services of this process: one, or in the one process all. */
  private services() {
    const { service } = this.product;
    return isLogService(service) ? [service] : service === 'gatehouse' ? logServices : [];
  }

  /** Who is somebody at the brokers may see what it uses and nothing else. */
  private topics(principals: Principals | undefined): readonly TopicSpec[] {
    if (principals === undefined) return allTopics;
    const used = this.services().flatMap((service) => [...sentBy(logUses[service]), ...receivedBy(logUses[service])]);
    return allTopics.filter(({ name }) => used.includes(name));
  }
}
