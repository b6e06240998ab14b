import {
  BrokenCircuitError,
  circuitBreaker,
  type CircuitBreakerPolicy,
  CircuitState,
  handleWhen,
  SamplingBreaker,
} from 'cockatiel';
import type { UpstreamTarget } from '#smart';
import { isTimeout } from './answer-parts.js';
import type { AskedFor } from './asked-for.js';
import type { JobAnswer, JobRequest } from './export-job.js';
import { broken, noAnswer, tooMany, tooSlow } from './tell-failure.js';
import type { LargeAnswer, UpstreamAnswer } from './upstream-answer.js';
import { NoLongerAllowed, UpstreamFailed } from './upstream-failed.js';
import type { UpstreamOptions } from './upstream-options.js';
import type { PassedAnswer, PassedRequest } from './upstream-pass.js';
import { UpstreamRequests } from './upstream-requests.js';
import { UpstreamSlots } from './upstream-slots.js';
import { type UpstreamWrite, type UpstreamWritten, WriteUnknown } from './upstream-write.js';

/** Of the requests of ten seconds, if there are at least this many a second, half must fail to break the circuit. */
const BREAK = { threshold: 0.5, duration: 10_000, minimumRps: 1 };

/**
 * The FHIR server behind the gateway: so many requests at once, by turns of their applications, and none while it fails too
 * often. No header of a caller reaches it.
 */
export class Upstream {
  readonly #requests: UpstreamRequests;
  readonly #slots: UpstreamSlots;
  readonly #circuit: CircuitBreakerPolicy;
  readonly base: string;

  constructor(private readonly options: UpstreamOptions) {
    this.base = options.baseUrl;
    this.#requests = new UpstreamRequests(options);
    this.#slots = new UpstreamSlots(options.slots);
    this.#circuit = circuitBreaker(
      handleWhen((error) => error instanceof WriteUnknown || (error instanceof UpstreamFailed && error.isItsFault)),
      { halfOpenAfter: options.breakMs, breaker: new SamplingBreaker(BREAK) },
    );
    this.#circuit.onBreak((last) => options.onCircuit?.(true, 'error' in last ? last.error : undefined));
    this.#circuit.onReset(() => options.onCircuit?.(false));
  }

  /**
   * Asks for a resource or a bundle. The request is handed to the connection in the tick in which `isAllowed` was asked.
   *
   * @throws UpstreamFailed with what the caller is to be told, NoLongerAllowed
   */
  async ask(target: UpstreamTarget, by: AskedFor): Promise<UpstreamAnswer> {
    const answer = await this.#inSlot(by, async () => await this.#requests.resource(target, by));
    if ('rest' in answer) throw new Error('an answer that was asked for whole came in parts');
    return answer;
  }

  /**
   * As `ask`, for a resource that may be larger than is held. Where `mayPass` says of its beginning that nothing of the rest
   * is needed to judge it, the rest comes piece by piece, as fast as it is read, and holds a slot until then.
   *
   * @throws UpstreamFailed, NoLongerAllowed; what fails after the beginning fails where the rest is read
   */
  async read(
    target: UpstreamTarget,
    by: AskedFor,
    mayPass: (head: Buffer) => boolean,
  ): Promise<UpstreamAnswer | LargeAnswer> {
    const { maxBytes, passedMaxBytes = maxBytes } = this.options;
    const passing = { maxBytes: passedMaxBytes, mayPass };
    const give = await this.#takeSlot(by);
    let answer: UpstreamAnswer | LargeAnswer | undefined;
    try {
      return (answer = await this.#whole(async () => await this.#requests.resource(target, by, passing)));
    } finally {
      if (answer && 'rest' in answer && !answer.rest.closed) answer.rest.once('close', give);
      else give();
    }
  }

  /**
   * Sends a write. It is handed to the connection in the tick in which `isAllowed` was asked, and can then not be called
   * back: `by.signal` ends the wait for a slot alone, since whoever gives up learns no more what became of it.
   *
   * @param onHandedOver called in that tick
   * @throws UpstreamFailed and NoLongerAllowed, when nothing of it was sent; WriteUnknown
   */
  async send(write: UpstreamWrite, by: AskedFor, onHandedOver: () => void): Promise<UpstreamWritten> {
    return await this.#inSlot(by, async () => await this.#requests.write(write, by, onHandedOver));
  }

  /**
   * Hands a request on as its caller made it, and its answer as the server gave it: in observe mode alone. One that may
   * change data is not called back once it was handed over.
   *
   * @param onHandedOver called in the tick in which `isAllowed` was asked
   * @throws UpstreamFailed, NoLongerAllowed, WriteUnknown
   */
  async pass(passed: PassedRequest, by: AskedFor, onHandedOver: () => void): Promise<PassedAnswer> {
    return await this.#inSlot(by, async () => await this.#requests.pass(passed, by, onHandedOver));
  }

  /**
   * Begins an export, asks how one stands, or ends it. The request is handed to the connection in the tick in which
   * `isAllowed` was asked.
   *
   * @throws UpstreamFailed, NoLongerAllowed
   */
  async job(asked: JobRequest, by: AskedFor): Promise<JobAnswer> {
    return await this.#inSlot(by, async () => await this.#requests.job(asked, by));
  }

  /**
   * A file of an export while it comes, decompressed. Nothing more is read than is taken of it: who takes slowly slows the
   * server down. It holds a slot until it is read, or left.
   *
   * @throws UpstreamFailed, NoLongerAllowed
   */
  async *file(target: string, by: AskedFor): AsyncGenerator<Buffer, void> {
    const give = await this.#takeSlot(by);
    try {
      yield* await this.#whole(async () => await this.#requests.file(target, by));
    } catch (cause) {
      if (cause instanceof UpstreamFailed || cause instanceof NoLongerAllowed) throw cause;
      throw new UpstreamFailed(isTimeout(cause) ? tooSlow : noAnswer, { cause });
    } finally {
      give();
    }
  }

  async #inSlot<T>(by: AskedFor, send: () => Promise<T>): Promise<T> {
    const give = await this.#takeSlot(by);
    try {
      return await this.#whole(send);
    } finally {
      give();
    }
  }

  /** @returns gives it back */
  async #takeSlot({ applicationId, signal, holdsSlot }: AskedFor): Promise<() => void> {
    if (holdsSlot?.() === true) return () => undefined;
    const give = () => this.#slots.give(applicationId);
    if (this.#slots.take(applicationId)) return give;
    const none = await this.#slots.wait(applicationId, signal);
    if (none === 'full') throw new UpstreamFailed(tooMany);
    if (none === 'aborted') throw new UpstreamFailed(noAnswer);
    return give;
  }

  /** Sends, as long as the circuit is whole. */
  async #whole<T>(send: () => Promise<T>): Promise<T> {
    try {
      // One request tries whether the server is back; the others do not wait for it.
      if (this.#circuit.state === CircuitState.HalfOpen) throw new UpstreamFailed(broken);
      return await this.#circuit.execute(send);
    } catch (error) {
      if (error instanceof BrokenCircuitError) throw new UpstreamFailed(broken, { cause: error });
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#requests.close();
  }
}
