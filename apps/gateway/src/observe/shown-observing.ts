import type { HealthRegistry, Metrics } from '#host';
import { Counter, Gauge } from 'prom-client';
import type { Observing } from './observing.js';

interface Observed {
  readonly endpoint: { readonly id: string };
  readonly observing: Observing;
}

/** Says in health and metrics that calls are observed. Gives the counter of those, by what would have become of them. */
export function shownObserving(
  all: readonly Observed[],
  { registry }: Metrics,
  health: HealthRegistry,
): Counter<'endpoint' | 'outcome'> {
  health.declare('observe', () => all.some(({ observing }) => observing.count() > 0));
  new Gauge({
    name: 'gatehouse_observed_applications',
    help: 'Applications of which calls are observed and not enforced, by endpoint.',
    labelNames: ['endpoint'] as const,
    registers: [registry],
    collect() {
      for (const { endpoint, observing } of all) this.set({ endpoint: endpoint.id }, observing.count());
    },
  });
  return new Counter({
    name: 'gatehouse_observed_calls_total',
    help: 'Calls that were let in because they are observed, by what enforcement would have made of them.',
    labelNames: ['endpoint', 'outcome'] as const,
    registers: [registry],
  });
}
