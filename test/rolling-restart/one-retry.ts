import { setTimeout as delay } from 'node:timers/promises';
import { type Answer, type Call, sendOnce } from '../demo/http.js';
import { at, textAt } from '../demo/json.js';

/** Where a request goes, and what it holds. A request that may not be sent twice is made anew for its retry. */
export interface Asked extends Call {
  readonly path: string;
}

const AGAIN_AFTER_S = 1;
/** A caller waits no longer than this, whatever `Retry-After` says. */
const PATIENCE_S = 5;
const POLL_EVERY_MS = 250;
const POLLS = 240;

/**
 * A caller as api.md has it: a request that failed (no answer, 429 or 5xx) is sent once more after its `Retry-After`, a
 * command under the same `Idempotency-Key`. A 202 is asked about until the command is decided. What that does not cure
 * is written down.
 */
export class OneRetry {
  /** How many answers, of first requests and of retries, came with which status: `read application 200`. */
  readonly answers: Record<string, number> = {};
  /** Requests that failed twice, and answers that nobody may get: in words. */
  readonly uncured: string[] = [];
  /** Requests, without their retries. */
  requests = 0;
  /** Of these, the ones that failed and were answered when they were sent again: in words. */
  readonly cured: string[] = [];
  /** Of these, the ones that were answered 202 at first. */
  accepted = 0;
  /** How long each answer took, retry and polls included, in milliseconds, by the kind of request. */
  readonly tookMs = new Map<string, number[]>();
  readonly #failed: Record<string, number> = {};

  constructor(private readonly url: string) {}

  /**
   * @param what    names the kind of request
   * @param make    gives the request; asked again for the retry
   * @param expected the status that answers it
   * @returns undefined when it was not answered so: that is written down
   */
  async call(what: string, make: () => Asked | Promise<Asked>, expected = 200): Promise<Answer | undefined> {
    this.requests++;
    const begun = performance.now();
    const answer = await this.#untilDecided(what, make);
    this.tookMs.set(what, [...(this.tookMs.get(what) ?? []), performance.now() - begun]);
    if (answer?.status === expected) return answer;
    if (answer !== undefined) this.uncured.push(`${what}: ${told(answer)}`);
    return undefined;
  }

  /** How many requests of a kind got no answer that says what became of them, each counted as often as it was sent. */
  failuresOf(what: string): number {
    return this.#failed[what] ?? 0;
  }

  async #untilDecided(what: string, make: () => Asked | Promise<Asked>): Promise<Answer | undefined> {
    const answer = await this.#twice(what, make);
    if (answer?.status !== 202) return answer;
    this.accepted++;
    const { token } = await make();
    const path = answer.headers.get('location') ?? '';
    for (let poll = 0; poll < POLLS; poll++) {
      const command = await this.#twice(`${what}: command`, () => ({
        path,
        ...(token === undefined ? {} : { token }),
      }));
      if (command === undefined) return undefined;
      // Decided: the same request under the same key is answered with what it left.
      if (textAt(command.body, 'status') !== 'pending') return await this.#twice(what, make);
      await delay(POLL_EVERY_MS);
    }
    this.uncured.push(`${what}: ${path} stayed pending`);
    return undefined;
  }

  async #twice(what: string, make: () => Asked | Promise<Asked>): Promise<Answer | undefined> {
    const first = await this.#once(what, await make());
    if (!hasFailed(first)) return first;
    const after = first instanceof Error ? AGAIN_AFTER_S : Number(first.headers.get('retry-after') ?? AGAIN_AFTER_S);
    await delay(Math.min(after, PATIENCE_S) * 1_000);
    const second = await this.#once(what, await make());
    const words = `${what}: ${told(first)}`;
    if (!hasFailed(second)) {
      this.cured.push(words);
      return second;
    }
    this.uncured.push(`${words}, then ${told(second)}`);
    return undefined;
  }

  async #once(what: string, { path, ...call }: Asked): Promise<Answer | Error> {
    const found = await sendOnce(this.url + path, call).catch((error: unknown) => new Error(reasonOf(error)));
    const counted = `${what} ${found instanceof Error ? 'unanswered' : String(found.status)}`;
    this.answers[counted] = (this.answers[counted] ?? 0) + 1;
    if (hasFailed(found)) this.#failed[what] = (this.#failed[what] ?? 0) + 1;
    return found;
  }
}

function hasFailed(
  found: Answer | Error,
): found is Error | (Answer & { readonly status: 429 | 500 | 502 | 503 | 504 }) {
  return found instanceof Error || found.status === 429 || found.status >= 500;
}

function told(found: Answer | Error): string {
  if (found instanceof Error) return `no answer (${found.message})`;
  const why = ['detail', 'error_description', 'issue.0.diagnostics'].map((path) => at(found.body, path));
  return `${String(found.status)} ${String(why.find((each) => typeof each === 'string') ?? JSON.stringify(found.body))}`;
}

/** Of fetch, why it failed: its own words say only that it did. */
function reasonOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'cause' in error ? String(error.cause) : String(error);
}
