import { EnforcementPoint, ReceiptCollector } from '#enforcement';
import type { LogSettings, Snapshots } from '#event-log';
import { EnforcementMetrics, FatalErrors, HealthRegistry, LOG_SETTINGS, LogStartup, SNAPSHOTS } from '#host';
import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { InFlightWrites } from '../write/in-flight-writes.js';
import { OpenCalls } from './open-calls.js';

/** This instance's enforcement point, its open calls, and what it knows of the other points. */
@Injectable()
export class GatewayPoint implements OnModuleInit, OnModuleDestroy {
  readonly calls = new OpenCalls();
  readonly inFlightWrites = new InFlightWrites();
  readonly point: EnforcementPoint;
  readonly others: ReceiptCollector;

  constructor(
    @Inject(LOG_SETTINGS) settings: LogSettings,
    @Inject(SNAPSHOTS) snapshots: Snapshots,
    private readonly startup: LogStartup,
    private readonly fatal: FatalErrors,
    private readonly health: HealthRegistry,
    meter: EnforcementMetrics,
  ) {
    const onFailure = (error: unknown) => fatal.report('the gateway cannot follow the log', error);
    this.point = new EnforcementPoint(settings, {
      kind: 'gateway',
      snapshots,
      meter,
      onClosure: (applicationId) => this.calls.lookAgain(applicationId),
      inFlightWritesOf: (applicationId) => this.inFlightWrites.of(applicationId),
      onLapse: () => this.calls.cutAll(),
      onFailure,
    });
    this.others = new ReceiptCollector(settings, { onFailure, meter });
  }

  onModuleInit(): void {
    this.health.register('gateway lease', () => {
      if (!this.point.holdsLease()) throw new Error('holds no lease: has not caught up with the log, or cannot report');
    });
    void this.start();
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all([this.point.close(), this.others.close()]);
  }

  private async start(): Promise<void> {
    try {
      await this.startup.ready();
      await Promise.all([this.point.start(), this.others.start()]);
    } catch (error) {
      if (!this.startup.stopped) this.fatal.report('the gateway cannot follow the log', error);
    }
  }
}
