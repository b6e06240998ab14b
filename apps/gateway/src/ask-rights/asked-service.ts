import {
  bulkhead,
  BrokenCircuitError,
  BulkheadRejectedError,
  circuitBreaker,
  type CircuitBreakerPolicy,
  type BulkheadPolicy,
  handleWhen,
  SamplingBreaker,
} from 'cockatiel';
import { type Dispatcher, errors, Pool } from 'undici';
import { CredentialUnavailable, type UpstreamAccess } from '#fhir-endpoints';
import { traceparent } from '#host';
import { readExactJson } from '#smart';
import { Unanswered } from './unanswered.js';

export interface AskedServiceOptions {
  /** As records and logs name it. */
  readonly name: string;
  /** Its base, without a slash at its end. */
  readonly url: string;
  /** How this program shows it who it is. */
  readonly access: UpstreamAccess;
  /** How long an answer may take, from asking to its last byte, in milliseconds. */
  readonly timeoutMs: number;
  /** So many requests at once; eight times as many may wait. */
  readonly connections: number;
  /** The largest answer that is taken, in bytes. */
  readonly maxBytes: number;
  /** Nobody answered, and why. */
  readonly onUnanswered?: (error: Unanswered) => void;
}

interface AskedRequest {
  readonly method: 'GET' | 'POST';
  /** Below the base, encoded. */
  readonly target: string;
  readonly accept: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** As JSON. */
  readonly body?: unknown;
}

/** What it answered, with status 200. */
interface AskedAnswer {
  readonly json: unknown;
  /** In lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** Half of at least ten requests in ten seconds have to fail; then it is not asked for so long, in milliseconds. */
const BREAK = { threshold: 0.5, duration: 10_000, minimumRps: 1 };
const HALF_OPEN_AFTER_MS = 5_000;
const WAITING_FOR_EACH = 8;

/**
 * Somebody who is asked whether data may leave: bounded in time, size and number, behind a circuit breaker. Everything
 * but an answer in JSON with status 200 is none.
 */
export class AskedService {
  readonly #pool: Pool;
  readonly #bulkhead: BulkheadPolicy;
  readonly #circuit: CircuitBreakerPolicy;
  readonly #path: string;

  constructor(private readonly options: AskedServiceOptions) {
    const { url, access, connections, maxBytes } = options;
    const { origin, pathname } = new URL(url);
    this.#path = pathname.replace(/\/+$/, '');
    this.#pool = new Pool(origin, {
      connections,
      connectTimeout: options.timeoutMs,
      maxResponseSize: maxBytes,
      connect: { ...access.tls },
    });
    this.#bulkhead = bulkhead(connections, connections * WAITING_FOR_EACH);
    this.#circuit = circuitBreaker(
      handleWhen((error) => !(error instanceof Unanswered) || error.isItsFault),
      {
        halfOpenAfter: HALF_OPEN_AFTER_MS,
        breaker: new SamplingBreaker(BREAK),
      },
    );
  }

  /**
   * Asks. Time counts from here: whoever has to wait for others may find that it is over.
   *
   * @throws Unanswered
   */
  async ask(request: AskedRequest): Promise<AskedAnswer> {
    const signal = AbortSignal.timeout(this.options.timeoutMs);
    const answered = this.#bulkhead.execute(
      async () => await this.#circuit.execute(async () => await this.#ask(request, signal)),
    );
    try {
      return await Promise.race([answered, endOf(signal)]);
    } catch (cause) {
      const error = cause instanceof Unanswered ? cause : new Unanswered(this.#why(cause, signal), { cause });
      this.options.onUnanswered?.(error);
      throw error;
    }
  }

  /** The answer was none, for a reason that only its reader sees. */
  unreadable(why: string): Unanswered {
    const error = new Unanswered(`${this.options.name}: ${why}`);
    this.options.onUnanswered?.(error);
    return error;
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  async #ask({ method, target, accept, headers, body }: AskedRequest, signal: AbortSignal): Promise<AskedAnswer> {
    const { name, access } = this.options;
    const authorization = await access.authorization();
    const trace = traceparent();
    const answer = await this.#pool.request({
      method,
      path: this.#path + target,
      signal,
      headers: {
        ...headers,
        accept,
        'cache-control': 'no-cache',
        ...(authorization === undefined ? {} : { authorization }),
        ...(trace === undefined ? {} : { traceparent: trace }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const { statusCode } = answer;
    if (statusCode === 401 && authorization !== undefined) access.refused(authorization);
    if (statusCode !== 200) {
      await answer.body.dump();
      throw new Unanswered(`${name}: it answered ${statusCode}`, { isItsFault: [502, 503, 504].includes(statusCode) });
    }
    const type = String(answer.headers['content-type']);
    const text = await this.#textIn(answer.body);
    // Of two members of one name another reader may take the other.
    const read = /^application\/([\w.-]+\+)?json\b/i.test(type) ? readExactJson(text) : undefined;
    if (!read?.ok) throw new Unanswered(`${name}: it answered no JSON`);
    return { json: read.value, headers: answer.headers };
  }

  async #textIn(body: Dispatcher.ResponseData['body']): Promise<string> {
    try {
      return await body.text();
    } catch (cause) {
      if (!(cause instanceof errors.ResponseExceededMaxSizeError)) throw cause;
      throw new Unanswered(`${this.options.name}: its answer is too large`, { cause });
    }
  }

  #why(cause: unknown, signal: AbortSignal): string {
    const { name } = this.options;
    if (cause instanceof BrokenCircuitError) return `${name}: not asked, it failed too often`;
    if (cause instanceof BulkheadRejectedError) return `${name}: not asked, too much waits for it`;
    if (cause instanceof CredentialUnavailable) return `${name}: ${cause.message}`;
    return signal.aborted ? `${name}: it did not answer in time` : `${name}: it did not answer`;
  }
}

/** Rejects when a time is over, so that nobody waits in line for longer. */
async function endOf(signal: AbortSignal): Promise<never> {
  return await new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}
