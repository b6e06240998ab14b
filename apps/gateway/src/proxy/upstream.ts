import { Agent, request } from 'undici';
import type { UpstreamTarget } from '#smart';
import { fhirError, type FhirError } from './operation-outcome.js';

/** A resource of the FHIR server, not yet checked. */
export interface UpstreamAnswer {
  readonly resource: unknown;
  readonly etag?: string;
  readonly lastModified?: string;
}

/** The FHIR server gave no resource; what the caller is told instead. */
export class UpstreamFailed extends Error {
  override readonly name = 'UpstreamFailed';
  readonly code = 'upstream-failed';
  constructor(
    readonly answer: FhirError,
    options?: ErrorOptions,
  ) {
    super(`the upstream gave no resource (${answer.status})`, options);
  }
}

/** The FHIR server behind the gateway. No header of a caller reaches it. */
export class Upstream {
  readonly #agent: Agent;
  readonly base: string;

  constructor(options: { readonly baseUrl: string; readonly timeoutMs: number; readonly maxBytes: number }) {
    this.base = options.baseUrl.replace(/\/+$/, '');
    this.#agent = new Agent({
      // As many as there are calls: one that waited for another's connection would be sent in a tick in which nobody looks.
      connections: null,
      connectTimeout: 5_000,
      headersTimeout: options.timeoutMs,
      bodyTimeout: options.timeoutMs,
      maxResponseSize: options.maxBytes,
    });
  }

  /**
   * Asks for a resource or a bundle. The request is handed to the connection in the tick of this call.
   *
   * @throws UpstreamFailed with what the caller is to be told
   */
  async ask({ method, target, form }: UpstreamTarget, signal: AbortSignal): Promise<UpstreamAnswer> {
    try {
      const { statusCode, headers, body } = await request(this.base + target, {
        dispatcher: this.#agent,
        method,
        signal,
        headers: {
          accept: 'application/fhir+json',
          // A reused search of some servers misses what was written within the last minute.
          'cache-control': 'no-cache',
          ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
        },
        ...(form === undefined ? {} : { body: form }),
      });
      if (statusCode !== 200 || !/^application\/(fhir\+)?json\b/i.test(String(headers['content-type']))) {
        await body.dump();
        throw new UpstreamFailed(toldOf(statusCode));
      }
      const { etag, 'last-modified': lastModified } = headers;
      return {
        resource: await body.json(),
        ...(typeof etag === 'string' && /^(W\/)?"[\x21\x23-\x7e]{0,64}"$/.test(etag) ? { etag } : {}),
        ...(typeof lastModified === 'string' ? { lastModified } : {}),
      };
    } catch (error) {
      if (error instanceof UpstreamFailed) throw error;
      throw new UpstreamFailed(fhirError(502, 'transient', 'The FHIR server did not answer.'), { cause: error });
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

/** Nothing that the upstream says of an error is handed on; a deleted resource is one that is not there. */
function toldOf(status: number): FhirError {
  if (status === 404 || status === 410) return fhirError(404, 'not-found', 'There is no such resource.');
  if (status === 400 || status === 422) return fhirError(400, 'invalid', 'The FHIR server does not take this request.');
  return fhirError(502, 'transient', 'The FHIR server did not give a resource.');
}
