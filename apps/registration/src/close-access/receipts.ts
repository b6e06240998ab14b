import { formatPosition } from '#contracts';
import type { ActivityPort, LogSettings } from '#event-log';
import { ReceiptCollector, ReceiptUnavailable, type Receipt } from '#enforcement';
import {
  Answer,
  EnforcementMetrics,
  FatalErrors,
  HealthRegistry,
  InjectActivity,
  LOG_SETTINGS,
  Log,
  LogStartup,
  type Succeeded,
} from '#host';
import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';

/** The receipts of this process: proof that a closure is in force at every enforcement point. */
@Injectable()
export class Receipts implements OnModuleInit, OnModuleDestroy {
  private readonly collector: ReceiptCollector;
  private started = false;
  private stopping = false;

  constructor(
    @Inject(LOG_SETTINGS) settings: LogSettings,
    private readonly startup: LogStartup,
    private readonly health: HealthRegistry,
    private readonly fatal: FatalErrors,
    private readonly log: Log,
    @InjectActivity() activity: ActivityPort,
    meter: EnforcementMetrics,
  ) {
    this.collector = new ReceiptCollector(settings, {
      activity,
      meter,
      onFailure: (error) => fatal.report('the reports of enforcement points cannot be read', error),
    });
  }

  onModuleInit(): void {
    this.health.register('receipts', () => {
      if (!this.started) throw new Error('have not caught up with the log');
    });
    void this.start();
  }

  async onModuleDestroy(): Promise<void> {
    this.stopping = true;
    await this.collector.close();
  }

  /**
   * Waits until the decision is in force everywhere, and answers with the receipt. What takes longer than `withinMs` is
   * answered 202: the decision stands, and a retry brings the receipt.
   */
  async answer(decided: Succeeded, withinMs: number): Promise<Answer<unknown>> {
    const receipt = await this.within(decided, withinMs);
    if (receipt === undefined) return Answer.accepted('registration', decided.commandId);
    const { version, position } = decided;
    return Answer.ok(receipt, { version, position: formatPosition(position) });
  }

  /** The receipt of a decision, as soon as it is in force everywhere; undefined where that takes longer. */
  async within(decided: Succeeded, withinMs: number): Promise<Receipt | undefined> {
    const late = AbortSignal.timeout(Math.max(0, Math.ceil(withinMs)));
    const tooLate = new Promise<undefined>((resolve) => {
      late.addEventListener('abort', () => resolve(undefined), { once: true });
    });
    return Promise.race([this.receiptOf(decided), tooLate]);
  }

  private async receiptOf({ subject, position, resource }: Succeeded): Promise<Receipt | undefined> {
    try {
      return await this.collector.receipt({ applicationId: subject, position, decidedAt: decidedAtOf(resource) });
    } catch (error) {
      if (!(error instanceof ReceiptUnavailable)) throw error;
      this.log.warn('a receipt could not be given', error);
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
      if (!this.stopping && !this.startup.stopped) this.fatal.report('receipts could not start', error);
    }
  }
}

/** The time of the last event, which is the one that the receipt is about. */
function decidedAtOf(resource: unknown): string {
  const updatedAt =
    typeof resource === 'object' && resource !== null && 'updatedAt' in resource ? resource.updatedAt : undefined;
  if (typeof updatedAt !== 'string') throw new TypeError('the outcome of a closure holds no application');
  return updatedAt;
}
