import { FhirCall } from './fhir-call.js';
import type { Fleet, FleetApplication, Receipt } from './fleet.js';
import { HandedOver } from './handed-over.js';
import { paths } from './slow-upstream.js';

/** What one closure under load showed. */
export interface ClosureSeen {
  readonly application: FleetApplication;
  readonly receipt: Receipt;
  /** Milliseconds from the request to the head of the answer, as the caller saw it. */
  readonly tookMs: number;
  readonly calls: readonly FhirCall[];
  /** Promises that were not kept, in words. */
  readonly faults: readonly string[];
}

/** A caller who is told to come again waits so long, in milliseconds. */
const CALL_AGAIN_AFTER_MS = 1_000;

/** Calls of one application at every gateway of a fleet: one after another from `start` on, and more beside them. */
export class ApplicationLoad {
  readonly calls: FhirCall[] = [];
  readonly #loops: Promise<void>[] = [];
  #isOver = false;

  constructor(
    private readonly fleet: Fleet,
    readonly application: FleetApplication,
  ) {}

  /** Keeps one call going at each gateway; resolves when each has let one in, or has stopped. */
  async start(): Promise<void> {
    const begun = this.fleet.gateways.map(({ process }) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#loops.push(this.#callAgainAndAgain(process.port, resolve));
      return promise;
    });
    await Promise.all(begun);
  }

  /** So many calls more at each gateway. */
  callEach(path: string, { times = 1, slowly = false } = {}): FhirCall[] {
    const calls = this.fleet.gateways.flatMap(({ process }) =>
      Array.from({ length: times }, () => FhirCall.start(process.port, path, this.application.token, { slowly })),
    );
    this.calls.push(...calls);
    return calls;
  }

  /**
   * Makes those of `calls` anew that were answered 503: a gateway that gets no processor time loses its lease for a while,
   * and lets nobody in. One that has just begun is left alone, so that nobody is busy with being refused.
   */
  callAgainWhereRefused(calls: FhirCall[]): void {
    const now = performance.now();
    calls.forEach((call, index) => {
      if (call.status !== 503 || now - call.startedAt < CALL_AGAIN_AFTER_MS) return;
      const again = FhirCall.start(call.gateway, call.path, this.application.token, { slowly: call.slowly });
      calls[index] = again;
      this.calls.push(again);
    });
  }

  /** Ends what `start` began, and waits for every call. */
  async stop(): Promise<void> {
    this.#isOver = true;
    this.calls.forEach((call) => call.hurry());
    await Promise.all(this.#loops);
    await Promise.all(this.calls.map(({ ended }) => ended));
  }

  /**
   * Closes the application while its calls go on, and looks what came through after the receipt: nothing may.
   *
   * @param meanwhile what is to be awaited between the receipt and the end of all calls
   */
  async close(
    how: 'suspension' | 'revocation',
    meanwhile: (receipt: Receipt) => Promise<void> = () => Promise.resolve(),
  ): Promise<ClosureSeen> {
    const askedAt = performance.now();
    let handedOver: HandedOver | undefined;
    let answeredAt = 0;
    const receipt = await this.fleet.close(this.application, how, () => {
      answeredAt = performance.now();
      handedOver = HandedOver.now(this.calls);
    });
    this.callEach(paths.quick);
    await meanwhile(receipt);
    await this.stop();
    const late = this.calls.filter(
      ({ startedAt, status }) => startedAt > answeredAt && status !== 401 && status !== 503,
    );
    const faults = [
      ...(handedOver?.exceeded() ?? ['the receipt was not seen']),
      ...late.map(({ gateway, status }) => `gateway ${gateway} answered ${status} to a call after the receipt`),
    ];
    return { application: this.application, receipt, tookMs: answeredAt - askedAt, calls: this.calls, faults };
  }

  async #callAgainAndAgain(port: number, onFirst: () => void): Promise<void> {
    while (!this.#isOver) {
      const call = FhirCall.start(port, paths.quick, this.application.token);
      this.calls.push(call);
      await call.ended;
      if (call.status === 200 || call.isRefused) onFirst();
      if (call.isRefused) return;
    }
  }
}
