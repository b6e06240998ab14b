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
import { BodyRefused, type Passage } from './read-body.js';
import { broken, noAnswer, noPlace, tooMany, tooSlow } from './tell-failure.js';
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
  /** Apart from the slots: what passes by lasts as long as its caller likes. */
  readonly #passing: UpstreamSlots;
  /** Apart from both, so that neither large resources nor exports keep the other waiting. */
  readonly #files: UpstreamSlots;
  readonly #circuit: CircuitBreakerPolicy;
  readonly base: string;

  constructor(private readonly options: UpstreamOptions) {
    this.base = options.baseUrl;
    this.#requests = new UpstreamRequests(options);
    const { slots, passing = slots, files = passing } = options;
    this.#slots = new UpstreamSlots(slots);
    this.#passing = new UpstreamSlots(passing);
    this.#files = new UpstreamSlots(files);
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
   * is needed to judge it, the rest comes piece by piece, as fast as it is read. Until then it holds a place among what
   * passes by, and no slot: whoever reads slowly keeps nobody from being answered. Where all places are taken it is left,
   * and asked for again when there is one; who waits for that too long is told to come again.
   *
   * @throws UpstreamFailed, NoLongerAllowed; what fails after the beginning fails where the rest is read
   */
  async read(
    target: UpstreamTarget,
    by: AskedFor,
    mayPass: (head: Buffer) => boolean,
  ): Promise<UpstreamAnswer | LargeAnswer> {
    let giveBack: (() => void) | undefined;
    let answer: UpstreamAnswer | LargeAnswer | undefined;
    const passageOf = (head: Buffer): Passage => {
      if (!mayPass(head)) return 'held';
      giveBack ??= takeAtOnce(this.#passing, by.applicationId);
      return giveBack ? 'passes' : 'no-place';
    };
    try {
      answer = await this.#begin(target, by, passageOf);
      if (answer === undefined) {
        giveBack = await this.#take(this.#passing, by);
        answer = await this.#begin(target, by, passageOf);
      }
      if (answer === undefined) throw new Error('left for want of a place that it had');
      return answer;
    } finally {
      if (giveBack && answer && 'rest' in answer && !answer.rest.closed) answer.rest.once('close', giveBack);
      else giveBack?.();
    }
  }

  /** @returns undefined where it was left for want of a place */
  async #begin(
    target: UpstreamTarget,
    by: AskedFor,
    passageOf: (head: Buffer) => Passage,
  ): Promise<UpstreamAnswer | LargeAnswer | undefined> {
    const { maxBytes, passedMaxBytes = maxBytes } = this.options;
    const passing = { maxBytes: passedMaxBytes, mayPass: passageOf };
    try {
      return await this.#inSlot(by, async () => await this.#requests.resource(target, by, passing));
    } catch (error) {
      if (error instanceof UpstreamFailed && error.cause instanceof BodyRefused && error.cause.why === 'no-place')
        return undefined;
      throw error;
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
   * `isAllowed` was asked. Of one that begins, `by.signal` ends the wait for a slot alone.
   *
   * @throws UpstreamFailed, NoLongerAllowed
   */
  async job(asked: JobRequest, by: AskedFor): Promise<JobAnswer> {
    return await this.#inSlot(by, async () => await this.#requests.job(asked, by));
  }

  /**
   * A file of an export while it comes, decompressed. Nothing more is read than is taken of it: who takes slowly slows the
   * server down. Until it is read, or left, it holds a place among what passes by.
   *
   * @throws UpstreamFailed, NoLongerAllowed
   */
  async *file(target: string, by: AskedFor): AsyncGenerator<Buffer, void> {
    const give = await this.#take(this.#files, by);
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
    const give = await this.#take(this.#slots, by);
    try {
      return await this.#whole(send);
    } finally {
      give();
    }
  }

  /** @returns gives it back */
  async #take(slots: UpstreamSlots, { applicationId, signal }: AskedFor): Promise<() => void> {
    const atOnce = takeAtOnce(slots, applicationId);
    if (atOnce) return atOnce;
    const none = await slots.wait(applicationId, signal);
    if (none === 'full') throw new UpstreamFailed(tooMany);
    if (none === 'too-long') throw new UpstreamFailed(noPlace);
    if (none === 'aborted') throw new UpstreamFailed(noAnswer);
    return () => slots.give(applicationId);
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

/** @returns gives it back; undefined where there is none at once */
function takeAtOnce(slots: UpstreamSlots, applicationId: string): (() => void) | undefined {
  return slots.take(applicationId) ? () => slots.give(applicationId) : undefined;
}
