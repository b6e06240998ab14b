import type { FhirCall } from './fhir-call.js';
import { queuedByCallerPort } from './socket-queues.js';

/** How much gateways had handed to the sockets of some calls at one moment. */
export class HandedOver {
  readonly #most: ReadonlyMap<FhirCall, number>;

  private constructor(calls: readonly FhirCall[]) {
    const queued = queuedByCallerPort();
    this.#most = new Map(calls.map((call) => [call, call.bytes + (queued.get(call.port ?? 0) ?? 0)]));
  }

  /** At this moment: what the callers have read, and what the kernel keeps for them. */
  static now(calls: readonly FhirCall[]): HandedOver {
    return new HandedOver(calls);
  }

  /** In words, the calls that got more of an answer than had been handed over; asked when all of them have ended. */
  exceeded(): string[] {
    return [...this.#most].flatMap(([call, most]) =>
      call.status === 200 && call.bytes > most
        ? [`gateway ${call.gateway} handed over ${call.bytes - most} of ${call.bytes} bytes after the receipt`]
        : [],
    );
  }
}
