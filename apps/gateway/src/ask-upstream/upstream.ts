import {
  BrokenCircuitError,
  circuitBreaker,
  type CircuitBreakerPolicy,
  CircuitState,
  handleWhen,
  SamplingBreaker,
} from 'cockatiel';
import { type Dispatcher, Pool } from 'undici';
import { CredentialUnavailable } from '#fhir-endpoints';
import { readExactJson, type UpstreamTarget } from '#smart';
import type { ToldIdentity } from '../ask-rights/call-rights.js';
import type { LargeAnswer, UpstreamAnswer } from './upstream-answer.js';
import type { UpstreamOptions } from './upstream-options.js';
import { NoLongerAllowed, UpstreamFailed } from './upstream-failed.js';
import { isEtag, isJson, isTimeout, textIn } from './answer-parts.js';
import type { BodyLease } from './body-memory.js';
import { decompressed, isNdjson, type JobAnswer, jobAnswerOf, type JobRequest } from './export-job.js';
import { BodyRefused } from './read-body.js';
import { broken, noAnswer, noResource, tooMany, tooSlow, toldOf, toldOfBody } from './tell-failure.js';
import { UpstreamSlots } from './upstream-slots.js';
import { type PassedAnswer, type PassedRequest, passedOf } from './upstream-pass.js';
import { type Reading, type WholeAnswer, wholeAnswer } from './whole-answer.js';
import { headersFor } from './upstream-headers.js';
import { type UpstreamWrite, type UpstreamWritten, WriteUnknown } from './upstream-write.js';

/** For whom the FHIR server is asked. */
export interface AskedFor {
  readonly applicationId: string;
  /** Codes of HL7 v3 PurposeOfUse that the application was approved with. */
  readonly purposesOfUse: readonly string[];
  readonly signal: AbortSignal;
  /** Asked in the tick in which the request is sent. */
  readonly isAllowed: () => boolean;
  readonly memory: BodyLease;
  /** Who the server is told that acts; absent where it is told nothing. */
  readonly identity?: ToldIdentity | undefined;
  /** Whether a slot is held already, of a large answer that waits meanwhile: waiting for another, many such would wait for each other. */
  readonly holdsSlot?: () => boolean;
}

/** Of the requests of ten seconds, if there are at least this many a second, half must fail to break the circuit. */
const BREAK = { threshold: 0.5, duration: 10_000, minimumRps: 1 };

const FHIR_JSON = 'application/fhir+json; charset=utf-8';

/** The FHIR server behind the gateway. No header of a caller reaches it. */
export class Upstream {
  readonly #pool: Pool;
  readonly #slots: UpstreamSlots;
  readonly #circuit: CircuitBreakerPolicy;
  readonly base: string;

  constructor(private readonly options: UpstreamOptions) {
    this.base = options.baseUrl;
    this.#slots = new UpstreamSlots(options.slots);
    this.#circuit = circuitBreaker(
      handleWhen((error) => error instanceof WriteUnknown || (error instanceof UpstreamFailed && error.isItsFault)),
      { halfOpenAfter: options.breakMs, breaker: new SamplingBreaker(BREAK) },
    );
    this.#circuit.onBreak((last) => options.onCircuit?.(true, 'error' in last ? last.error : undefined));
    this.#circuit.onReset(() => options.onCircuit?.(false));
    this.#pool = new Pool(new URL(options.baseUrl).origin, {
      // The slots bound them: a request that waited for another's connection would be sent in a tick in which nobody looks.
      connections: null,
      connectTimeout: 5_000,
      connect: { ...options.access?.tls },
      headersTimeout: options.timeoutMs,
      bodyTimeout: options.timeoutMs,
    });
  }

  /**
   * Asks for a resource or a bundle. The request is handed to the connection in the tick in which `isAllowed` was asked.
   *
   * @throws UpstreamFailed with what the caller is to be told, NoLongerAllowed
   */
  async ask(target: UpstreamTarget, by: AskedFor): Promise<UpstreamAnswer> {
    const answer = await this.#inSlot(by, async () => await this.#request(target, by));
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
      return (answer = await this.#whole(async () => await this.#request(target, by, passing)));
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
   * @throws UpstreamFailed and NoLongerAllowed, when it was not handed over; WriteUnknown
   */
  async send(write: UpstreamWrite, by: AskedFor, onHandedOver: () => void): Promise<UpstreamWritten> {
    return await this.#inSlot(by, async () => await this.#write(write, by, onHandedOver));
  }

  /**
   * Hands a request on as its caller made it, and its answer as the server gave it: in observe mode alone. One that may
   * change data is not called back once it was handed over.
   *
   * @param onHandedOver called in the tick in which `isAllowed` was asked
   * @throws UpstreamFailed, NoLongerAllowed, WriteUnknown
   */
  async pass(passed: PassedRequest, by: AskedFor, onHandedOver: () => void): Promise<PassedAnswer> {
    return await this.#inSlot(by, async () => await this.#pass(passed, by, onHandedOver));
  }

  /**
   * Begins an export, asks how one stands, or ends it. The request is handed to the connection in the tick in which
   * `isAllowed` was asked.
   *
   * @throws UpstreamFailed, NoLongerAllowed
   */
  async job(asked: JobRequest, by: AskedFor): Promise<JobAnswer> {
    return await this.#inSlot(by, async () => await this.#job(asked, by));
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
      yield* await this.#whole(async () => await this.#file(target, by));
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

  async #write(
    { method, target, body, ifMatch, ifNoneMatch }: UpstreamWrite,
    by: AskedFor,
    onHandedOver: () => void,
  ): Promise<UpstreamWritten> {
    const { access } = this.options;
    // Most credentials are at hand; what waited for one is looked at again.
    let authorization = access?.authorization();
    if (authorization instanceof Promise) authorization = await this.#signedIn(authorization);
    let identity = by.identity?.value();
    if (identity instanceof Promise) identity = await identity;
    if (!by.isAllowed()) throw new NoLongerAllowed();
    try {
      const answered = this.#ask(
        {
          method,
          target,
          headers: {
            ...headersFor(by, authorization, identity),
            prefer: 'return=representation',
            ...(body === undefined ? {} : { 'content-type': FHIR_JSON }),
            ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
            ...(ifNoneMatch === undefined ? {} : { 'if-none-match': ifNoneMatch }),
          },
          ...(body === undefined ? {} : { body }),
        },
        { memory: by.memory, wants: (status, type) => status < 300 && isJson(type) },
      );
      onHandedOver();
      const { status, headers, body: answer } = await answered;
      const { etag, 'last-modified': lastModified, location } = headers;
      if (status === 401 && authorization !== undefined) access?.refused(authorization);
      const said = {
        status,
        ...(isEtag(etag) ? { etag } : {}),
        ...(typeof lastModified === 'string' ? { lastModified } : {}),
        ...(typeof location === 'string' ? { location } : {}),
      };
      if (status >= 300 || !isJson(headers['content-type'])) return said;
      const read = readExactJson(textIn(answer));
      return read.ok ? { ...said, resource: read.value } : said;
    } catch (cause) {
      throw new WriteUnknown(isTimeout(cause) ? tooSlow : noAnswer, { cause });
    }
  }

  async #job({ method, target, begins }: JobRequest, by: AskedFor): Promise<JobAnswer> {
    const { access } = this.options;
    const { authorization, identity } = await this.#shown(by);
    if (!by.isAllowed()) throw new NoLongerAllowed();
    try {
      const answer = await this.#ask(
        {
          method,
          target,
          headers: {
            ...headersFor(by, authorization, identity, begins === true ? 'application/fhir+json' : 'application/json'),
            ...(begins === true ? { prefer: 'respond-async' } : {}),
          },
        },
        { memory: by.memory, wants: (status, type) => status === 200 && isJson(type), signal: by.signal },
      );
      if (answer.status === 401 && authorization !== undefined) access?.refused(authorization);
      return jobAnswerOf(answer, textIn);
    } catch (cause) {
      if (cause instanceof BodyRefused) throw new UpstreamFailed(toldOfBody(cause), { cause });
      throw new UpstreamFailed(isTimeout(cause) ? tooSlow : noAnswer, { cause, isItsFault: !by.signal.aborted });
    }
  }

  async #file(target: string, by: AskedFor): Promise<AsyncIterable<Buffer>> {
    const { access } = this.options;
    const { authorization, identity } = await this.#shown(by);
    if (!by.isAllowed()) throw new NoLongerAllowed();
    const { pathname, search } = new URL(this.base + target);
    try {
      const { statusCode, headers, body } = await this.#pool.request({
        method: 'GET',
        path: pathname + search,
        headers: headersFor(by, authorization, identity, 'application/fhir+ndjson'),
        signal: by.signal,
      });
      if (statusCode === 200 && isNdjson(headers['content-type']))
        return decompressed(body, headers['content-encoding']);
      body.destroy();
      if (statusCode === 401 && authorization !== undefined) access?.refused(authorization);
      throw new UpstreamFailed(toldOf(statusCode), { isItsFault: [502, 503, 504].includes(statusCode) });
    } catch (cause) {
      if (cause instanceof UpstreamFailed) throw cause;
      if (cause instanceof BodyRefused) throw new UpstreamFailed(toldOfBody(cause), { cause });
      throw new UpstreamFailed(isTimeout(cause) ? tooSlow : noAnswer, { cause, isItsFault: !by.signal.aborted });
    }
  }

  async #pass(
    { method, target, headers, body, mayChange }: PassedRequest,
    by: AskedFor,
    onHandedOver: () => void,
  ): Promise<PassedAnswer> {
    const { access } = this.options;
    const { authorization, identity } = await this.#shown(by);
    if (!by.isAllowed()) throw new NoLongerAllowed();
    try {
      const answered = this.#ask(
        {
          method,
          target,
          headers: { ...headers, ...headersFor(by, authorization, identity, headers['accept']) },
          ...(body === undefined ? {} : { body }),
        },
        { memory: by.memory, wants: (status) => status !== 401, ...(mayChange ? {} : { signal: by.signal }) },
      );
      onHandedOver();
      const answer = await answered;
      if (answer.status === 401) {
        if (authorization !== undefined) access?.refused(authorization);
        // It was this program that was refused, and not its caller.
        throw new UpstreamFailed(noResource);
      }
      return passedOf(answer);
    } catch (cause) {
      if (cause instanceof UpstreamFailed) throw cause;
      if (cause instanceof BodyRefused) throw new UpstreamFailed(toldOfBody(cause), { cause });
      const answer = isTimeout(cause) ? tooSlow : noAnswer;
      if (mayChange) throw new WriteUnknown(answer, { cause });
      throw new UpstreamFailed(answer, { cause, isItsFault: !by.signal.aborted });
    }
  }

  async #request(
    { method, target, form, body: json, alsoWants = [] }: UpstreamTarget,
    by: AskedFor,
    passing?: Reading['passing'],
  ): Promise<UpstreamAnswer | LargeAnswer> {
    const { access } = this.options;
    const isWanted = (status: number) => status === 200 || alsoWants.includes(status);
    // Most credentials are at hand; what waited for one is looked at again.
    let authorization = access?.authorization();
    if (authorization instanceof Promise) authorization = await this.#signedIn(authorization);
    let identity = by.identity?.value();
    if (identity instanceof Promise) identity = await identity;
    if (!by.isAllowed()) throw new NoLongerAllowed();
    try {
      const { status, headers, body, rest } = await this.#ask(
        {
          method,
          target,
          headers: {
            ...headersFor(by, authorization, identity),
            ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
            ...(json === undefined ? {} : { 'content-type': FHIR_JSON }),
          },
          ...((json ?? form) === undefined ? {} : { body: json ?? form }),
        },
        { memory: by.memory, wants: (status, type) => isWanted(status) && isJson(type), signal: by.signal, passing },
      );
      if (status === 401 && authorization !== undefined) access?.refused(authorization);
      if (!isWanted(status) || !isJson(headers['content-type']))
        throw new UpstreamFailed(toldOf(status, by.identity ? target : undefined), {
          isItsFault: [502, 503, 504].includes(status),
          upstreamStatus: status,
        });
      const { etag, 'last-modified': lastModified } = headers;
      const version = {
        ...(isEtag(etag) ? { etag } : {}),
        ...(typeof lastModified === 'string' ? { lastModified } : {}),
      };
      if (rest) return { head: body, rest, bounds: { maxBytes: this.options.maxBytes, memory: by.memory }, ...version };
      const text = textIn(body);
      return { resource: parsed(text), text, ...version };
    } catch (error) {
      if (error instanceof UpstreamFailed) throw error;
      if (error instanceof BodyRefused) throw new UpstreamFailed(toldOfBody(error), { cause: error });
      // A caller who went away, and access that was closed, say nothing of the server.
      throw new UpstreamFailed(isTimeout(error) ? tooSlow : noAnswer, { cause: error, isItsFault: !by.signal.aborted });
    }
  }

  /** Hands a request over in this tick, and reads the answer. */
  #ask(
    { target, ...request }: Omit<Dispatcher.DispatchOptions, 'origin' | 'path'> & { readonly target: string },
    {
      memory,
      wants,
      signal,
      passing,
    }: {
      readonly memory: BodyLease;
      /** Whether the body is wanted, by the status and the type that the answer has. */
      readonly wants: (status: number, contentType: string | undefined) => boolean;
      readonly signal?: AbortSignal;
      readonly passing?: Reading['passing'];
    },
  ): Promise<WholeAnswer> {
    const { timeoutMs, maxBytes } = this.options;
    const { pathname, search } = new URL(this.base + target);
    return wholeAnswer(
      this.#pool,
      { ...request, path: pathname + search },
      {
        bounds: { maxBytes, memory, timeoutMs },
        wants: (status, headers) => wants(status, headers['content-type']),
        ...(signal === undefined ? {} : { signal }),
        ...(passing === undefined ? {} : { passing }),
      },
    );
  }

  /** Who this program is, and who its user, as the server is told. */
  async #shown(by: AskedFor): Promise<{ authorization: string | undefined; identity: string | undefined }> {
    const authorization = this.options.access?.authorization();
    const shown = authorization instanceof Promise ? await this.#signedIn(authorization) : authorization;
    return { authorization: shown, identity: await by.identity?.value() };
  }

  async #signedIn(authorization: Promise<string>): Promise<string> {
    try {
      return await authorization;
    } catch (error) {
      if (!(error instanceof CredentialUnavailable)) throw error;
      throw new UpstreamFailed(noAnswer, { cause: error, isItsFault: true });
    }
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new UpstreamFailed(noResource, { cause });
  }
}
