import type { FhirEndpoint } from '#fhir-endpoints';
import type { Log, Metrics } from '#host';
import { Counter } from 'prom-client';

/** Of somebody who is asked, by name: gives what is called each time that they do not answer. */
export type NotesUnanswered = (by: string) => (error: Error) => void;

/** Counts and logs that somebody was asked and did not answer. */
export class UnansweredMeter {
  readonly #counter: Counter<'endpoint' | 'by'>;

  constructor(
    { registry }: Metrics,
    private readonly log: Pick<Log, 'warn'>,
  ) {
    this.#counter = new Counter({
      name: 'gatehouse_rights_unanswered_total',
      help: 'Questions whether something may be seen that were not answered, so that nothing left.',
      labelNames: ['endpoint', 'by'] as const,
      registers: [registry],
    });
  }

  at({ id: endpoint }: FhirEndpoint): NotesUnanswered {
    return (by) => {
      // Nought until the first time: Prometheus sees no increase from nothing to one.
      this.#counter.inc({ endpoint, by }, 0);
      return (error) => {
        this.#counter.inc({ endpoint, by });
        this.log.warn(`endpoint ${endpoint}: nobody says whether something may be seen`, error);
      };
    };
  }
}
