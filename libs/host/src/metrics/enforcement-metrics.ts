import { Injectable } from '@nestjs/common';
import { Gauge, Histogram } from 'prom-client';
import { Metrics } from './metrics.js';

/** What enforcement points and receipts tell, as metrics. */
@Injectable()
export class EnforcementMetrics {
  private readonly points = new Map<string, () => number | undefined>();
  private readonly given = new Set<string>();
  private readonly receipts: Histogram<'context' | 'complete'>;

  constructor({ registry }: Metrics) {
    const registers = [registry];
    const ages = (): [string, number | undefined][] => [...this.points].map(([kind, age]) => [kind, age()]);
    new Gauge({
      name: 'gatehouse_enforcement_lease_held',
      help: 'Whether this enforcement point may let calls in.',
      labelNames: ['kind'] as const,
      registers,
      collect() {
        for (const [kind, age] of ages()) this.set({ kind }, age === undefined ? 0 : 1);
      },
    });
    new Gauge({
      name: 'gatehouse_enforcement_lease_age_seconds',
      help: 'How long ago what earned the lease began; it ends at 10 s. Absent while there is none.',
      labelNames: ['kind'] as const,
      registers,
      collect() {
        this.reset();
        for (const [kind, age] of ages()) if (age !== undefined) this.set({ kind }, age);
      },
    });
    this.receipts = new Histogram({
      name: 'gatehouse_revocation_propagation_seconds',
      help: 'Time from a decided closure to its receipt; incomplete where a point had not said that it is in force.',
      labelNames: ['context', 'complete'] as const,
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20],
      registers,
    });
  }

  /** @param age of the lease in seconds, undefined while there is none; asked whenever metrics are read */
  leaseOf(kind: string, age: () => number | undefined): void {
    this.points.set(kind, age);
  }

  /** What has not happened yet is nought and not missing: Prometheus sees no increase from nothing to one. */
  givesReceipts(context: string): void {
    if (this.given.has(context)) return;
    this.given.add(context);
    for (const complete of ['true', 'false']) this.receipts.zero({ context, complete });
  }

  /** A receipt was given, so many seconds after it was asked for. */
  receiptGiven(context: string, isComplete: boolean, seconds: number): void {
    this.receipts.observe({ context, complete: String(isComplete) }, seconds);
  }
}
