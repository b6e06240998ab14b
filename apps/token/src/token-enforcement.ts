import { EnforcementPoint } from '#enforcement';
import type { LogSettings, Snapshots } from '#event-log';
import { EnforcementMetrics, FatalErrors, HealthRegistry, Log, LOG_SETTINGS, LogStartup, SNAPSHOTS } from '#host';
import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { ReadyKeys } from './authenticate-client/ready-keys.js';

/** This instance as an enforcement point: what it issues, it issues from effective access and under a lease. */
@Injectable()
export class TokenEnforcement implements OnModuleInit, OnModuleDestroy {
  readonly point: EnforcementPoint;
  private readonly keys: ReadyKeys;

  constructor(
    @Inject(LOG_SETTINGS) settings: LogSettings,
    @Inject(SNAPSHOTS) snapshots: Snapshots,
    private readonly startup: LogStartup,
    private readonly health: HealthRegistry,
    private readonly fatal: FatalErrors,
    meter: EnforcementMetrics,
    log: Log,
  ) {
    this.point = new EnforcementPoint(settings, {
      kind: 'token',
      snapshots,
      meter,
      // Nothing is open for longer than it takes to answer, and every answer looks at access in the tick in which it leaves.
      onClosure: () => {},
      onLapse: () => {},
      onFolded: (applicationId) => this.keys.lookAt(applicationId),
      onFailure: (error) => this.fatal.report('the token service cannot read the log', error),
    });
    this.keys = new ReadyKeys({
      access: this.point.access,
      onUnusable: (applicationId, error) =>
        log.for('token').warn('a registered key cannot be used', error, { applicationId }),
    });
  }

  onModuleInit(): void {
    this.health.register('token-lease', async () => {
      if (!this.point.holdsLease()) throw new Error('the token service holds no lease');
    });
    void this.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.point.close();
    await this.keys.close();
  }

  private async start(): Promise<void> {
    try {
      await this.startup.ready();
      await this.point.start();
    } catch (error) {
      if (!this.startup.stopped) this.fatal.report('the token service cannot read the log', error);
    }
  }
}
