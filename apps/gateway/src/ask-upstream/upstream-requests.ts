import { type Dispatcher, Pool } from 'undici';
import { CredentialUnavailable } from '#fhir-endpoints';
import { parseExactly, readExactJson, type UpstreamTarget } from '#smart';
import { isEtag, isJson, isTimeout, textIn } from './answer-parts.js';
import type { AskedFor } from './asked-for.js';
import type { BodyLease } from './body-memory.js';
import { decompressed, isNdjson, type JobAnswer, jobAnswerOf, type JobRequest } from './export-job.js';
import { BodyRefused } from './read-body.js';
import { noAnswer, noResource, tooSlow, toldOf, toldOfBody } from './tell-failure.js';
import type { LargeAnswer, UpstreamAnswer } from './upstream-answer.js';
import { NoLongerAllowed, UpstreamFailed } from './upstream-failed.js';
import { headersFor } from './upstream-headers.js';
import type { UpstreamOptions } from './upstream-options.js';
import { type PassedAnswer, type PassedRequest, passedOf } from './upstream-pass.js';
import { type UpstreamWrite, type UpstreamWritten, WriteUnknown } from './upstream-write.js';
import { type Reading, type WholeAnswer, wholeAnswer } from './whole-answer.js';

const FHIR_JSON = 'application/fhir+json; charset=utf-8';

/**
 * Requests to a FHIR server, one by one, and what its answers are taken for. Each is handed to a connection in the tick in
 * which `isAllowed` was asked. No header of a caller is among what is sent.
 */
export class UpstreamRequests {
  readonly #pool: Pool;

  constructor(private readonly options: Omit<UpstreamOptions, 'slots' | 'breakMs' | 'onCircuit'>) {
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
   * Sends a write, which can then not be called back.
   *
   * @throws UpstreamFailed and NoLongerAllowed, when nothing of it was sent; WriteUnknown
   */
  async write(
    { method, target, body, ifMatch, ifNoneMatch }: UpstreamWrite,
    by: AskedFor,
    onHandedOver: () => void,
  ): Promise<UpstreamWritten> {
    const { access } = this.options;
    const { authorization, identity } = await this.#shown(by);
    if (!by.isAllowed()) throw new NoLongerAllowed();
    const sending = { isBegun: false };
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
        {
          memory: by.memory,
          wants: (status, type) => status < 300 && isJson(type),
          onSending: () => (sending.isBegun = true),
        },
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
      throw sending.isBegun ? new WriteUnknown(isTimeout(cause) ? tooSlow : noAnswer, { cause }) : neverSent(cause);
    }
  }

  /**
   * One that is to be begun is not called back once it was handed over: nobody would know where it stands then.
   *
   * @throws UpstreamFailed, NoLongerAllowed
   */
  async job({ method, target, begins }: JobRequest, by: AskedFor): Promise<JobAnswer> {
    const { access } = this.options;
    const { authorization, identity } = await this.#shown(by);
    if (!by.isAllowed()) throw new NoLongerAllowed();
    if (by.signal.aborted) throw new UpstreamFailed(noAnswer);
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
        {
          memory: by.memory,
          wants: (status, type) => status === 200 && isJson(type),
          ...(begins === true ? {} : { signal: by.signal }),
        },
      );
      if (answer.status === 401 && authorization !== undefined) access?.refused(authorization);
      return jobAnswerOf(answer, textIn);
    } catch (cause) {
      if (cause instanceof BodyRefused) throw new UpstreamFailed(toldOfBody(cause), { cause });
      throw new UpstreamFailed(isTimeout(cause) ? tooSlow : noAnswer, {
        cause,
        isItsFault: begins === true || !by.signal.aborted,
      });
    }
  }

  /**
   * A file of an export; what fails while it is read is not told apart here.
   *
   * @throws UpstreamFailed, NoLongerAllowed
   */
  async file(target: string, by: AskedFor): Promise<AsyncIterable<Buffer>> {
    const { access } = this.options;
    const { authorization, identity } = await this.#shown(by);
    if (!by.isAllowed()) throw new NoLongerAllowed();
    const { pathname, search } = new URL(this.options.baseUrl + target);
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

  /** @throws UpstreamFailed, NoLongerAllowed, WriteUnknown */
  async pass(
    { method, target, headers, body, mayChange }: PassedRequest,
    by: AskedFor,
    onHandedOver: () => void,
  ): Promise<PassedAnswer> {
    const { access } = this.options;
    const { authorization, identity } = await this.#shown(by);
    if (!by.isAllowed()) throw new NoLongerAllowed();
    const sending = { isBegun: false };
    try {
      const answered = this.#ask(
        {
          method,
          target,
          headers: { ...headers, ...headersFor(by, authorization, identity, headers['accept']) },
          ...(body === undefined ? {} : { body }),
        },
        {
          memory: by.memory,
          wants: (status) => status !== 401,
          onSending: () => (sending.isBegun = true),
          ...(mayChange ? {} : { signal: by.signal }),
        },
      );
      onHandedOver();
      const answer = await answered;
      if (answer.status === 401) {
        if (authorization !== undefined) access?.refused(authorization);
        // It was this program that was refused, and not its caller.
        throw new UpstreamFailed(noResource, { upstreamStatus: answer.status });
      }
      return passedOf(answer);
    } catch (cause) {
      if (cause instanceof UpstreamFailed) throw cause;
      if (cause instanceof BodyRefused) throw new UpstreamFailed(toldOfBody(cause), { cause });
      const answer = isTimeout(cause) ? tooSlow : noAnswer;
      if (mayChange) throw sending.isBegun ? new WriteUnknown(answer, { cause }) : neverSent(cause);
      throw new UpstreamFailed(answer, { cause, isItsFault: !by.signal.aborted });
    }
  }

  /**
   * Asks for a resource or a bundle; one that is too large to be held may come by its beginning.
   *
   * @throws UpstreamFailed, NoLongerAllowed
   */
  async resource(
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
      onSending,
      passing,
    }: {
      readonly memory: BodyLease;
      /** Whether the body is wanted, by the status and the type that the answer has. */
      readonly wants: (status: number, contentType: string | undefined) => boolean;
      readonly signal?: AbortSignal;
      readonly onSending?: () => void;
      readonly passing?: Reading['passing'];
    },
  ): Promise<WholeAnswer> {
    const { timeoutMs, maxBytes } = this.options;
    const { pathname, search } = new URL(this.options.baseUrl + target);
    return wholeAnswer(
      this.#pool,
      { ...request, path: pathname + search },
      {
        bounds: { maxBytes, memory, timeoutMs },
        wants: (status, headers) => wants(status, headers['content-type']),
        ...(signal === undefined ? {} : { signal }),
        ...(onSending === undefined ? {} : { onSending }),
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

/** No connection to the server came to be (refused, TLS): nothing of what was handed over got there. */
function neverSent(cause: unknown): UpstreamFailed {
  return new UpstreamFailed(noAnswer, { cause, isItsFault: true, wasSent: false });
}

function parsed(text: string): unknown {
  try {
    return parseExactly(text);
  } catch (cause) {
    throw new UpstreamFailed(noResource, { cause });
  }
}
