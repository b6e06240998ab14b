import type { Log, Metrics } from '#host';
import { Gauge } from 'prom-client';
import type { SupportedWrites } from './write-support.js';

const labelNames = ['endpoint', 'write'] as const;

/** Says in the log and the metrics which writes FHIR servers turn out to keep: those that they do not are refused. */
export class ShownWriteSupport {
  readonly #kept: Gauge<(typeof labelNames)[number]>;

  constructor(
    { registry }: Pick<Metrics, 'registry'>,
    private readonly log: Pick<Log, 'warn'>,
    /** Whether an update of what is not there is to create it. */
    private readonly updatesCreate: boolean,
  ) {
    this.#kept = new Gauge({
      name: 'gatehouse_upstream_writes_kept',
      help: 'Whether a FHIR server carries out a kind of write only under its precondition, as found out before the first write.',
      labelNames,
      registers: [registry],
    });
  }

  /** What was found out of the FHIR server of an endpoint. */
  found(endpoint: string, supported: SupportedWrites): void {
    const creates = this.updatesCreate ? { 'update-create': supported.updateCreates } : {};
    const kept = { update: supported.update, delete: supported.delete, ...creates };
    for (const [write, isKept] of Object.entries(kept)) this.#kept.set({ endpoint, write }, isKept ? 1 : 0);
    const why = this.#refused(supported);
    if (why !== undefined) this.log.warn(`the FHIR server of endpoint ${endpoint} ${why}`);
  }

  #refused({ update, delete: deletes, updateCreates }: SupportedWrites): string | undefined {
    if (!update) return 'does not keep If-Match: nothing is written to it';
    const refused = [
      ...(deletes ? [] : ['does not keep If-Match of a deletion: nothing is deleted there']),
      ...(updateCreates || !this.updatesCreate
        ? []
        : ['does not keep If-None-Match: no update creates there, whatever GATEWAY_UPDATES_CREATE says']),
    ];
    return refused.length === 0 ? undefined : refused.join(', and ');
  }
}
