import { ReceiptCollector, ReceiptUnavailable, type Receipt } from '#enforcement';
import type { LogSettings } from '#event-log';
import { EnforcementMetrics, FatalErrors, HealthRegistry, LOG_SETTINGS, Log, LogStartup } from '#host';
import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { Succeeded } from '../consent/grant-events.js';

/** Proof that the end of a grant is in force at every enforcement point. */
@Injectable()
export class GrantReceipts implements OnModuleInit, OnModuleDestroy {
  private readonly collector: ReceiptCollector;
  private started = false;
  private stopping = false;

  constructor(
    @Inject(LOG_SETTINGS) settings: LogSettings,
    private readonly startup: LogStartup,
    private readonly health: HealthRegistry,
    private readonly fatal: FatalErrors,
    private readonly log: Log,
    meter: EnforcementMetrics,
  ) {
    this.collector = new ReceiptCollector(settings, {
      context: 'token',
      meter,
      onFailure: (error) => fatal.report('the reports of enforcement points cannot be read', error),
    });
  }

  onModuleInit(): void {
    this.health.register('grant-receipts', () => {
      if (!this.started) throw new Error('have not caught up with the log');
    });
    void this.start();
  }

  async onModuleDestroy(): Promise<void> {
    this.stopping = true;
    await this.collector.close();
  }

  /** The receipt of a grant's end; undefined where it could not be had: the end stands all the same. */
  async of(applicationId: string, ended: Succeeded): Promise<Receipt | undefined> {
    try {
      const decidedAt = new Date().toISOString();
      return await this.collector.receipt({ applicationId, position: ended.position, decidedAt });
    } catch (error) {
      if (!(error instanceof ReceiptUnavailable)) throw error;
      this.log.warn('the receipt of a grant’s end could not be given', error);
      return undefined;
    }
  }

  private async start(): Promise<void> {
    try {
      await this.startup.ready();
      if (this.stopping) return;
      await this.collector.start();
      this.started = true;
    } catch (error) {
      if (!this.stopping && !this.startup.stopped) this.fatal.report('receipts of grants could not start', error);
    }
  }
}
