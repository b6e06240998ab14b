import { Injectable } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { HealthRegistry } from '../health/health-registry.js';
import { Metrics } from './metrics.js';

/** What readiness rests on, as metrics: each check is asked when they are read. */
@Injectable()
export class HealthMetrics {
  constructor({ registry }: Metrics, health: HealthRegistry) {
    new Gauge({
      name: 'gatehouse_health_check_up',
      help: 'Whether a check of readiness passes.',
      labelNames: ['check'] as const,
      registers: [registry],
      async collect() {
        const { checks } = await health.check();
        for (const [check, { status }] of Object.entries(checks)) this.set({ check }, status === 'up' ? 1 : 0);
      },
    });
  }
}
