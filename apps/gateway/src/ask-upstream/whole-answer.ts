import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import type { Readable } from 'node:stream';
import { type BodyBounds, IncomingBody, type Passing } from './read-body.js';

/** What a server answered, when all of it is there; or its beginning, where the rest passes by. */
export interface WholeAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Decompressed; empty where it was not wanted. */
  readonly body: Buffer;
  /** What follows `body`, as it comes: decompressed. To be read, or destroyed; by `signal` it ends as well. */
  readonly rest?: Readable;
}

/** How an answer is read. */
export interface Reading {
  readonly bounds: BodyBounds;
  /** Whether the body is wanted of an answer that begins so. */
  readonly wants: (status: number, headers: IncomingHttpHeaders) => boolean;
  /** Ends it, before it was sent or while it is answered. */
  readonly signal?: AbortSignal;
  /** Called in the tick in which its first byte is written, to a connection that stands: without, nothing of it was sent. */
  readonly onSending?: () => void;
  /** Absent where the body is needed whole. */
  readonly passing?: Omit<Passing, 'onPassing'>;
}

/** So much is read of what is not wanted, in bytes, to keep the connection; more costs more than a new one. */
const UNWANTED_BYTES = 16_384;
const NOTHING = Buffer.alloc(0);

/**
 * Hands a request to a connection, in this tick where one is free, and reads the answer. A connection whose answer is
 * left before its end is closed.
 *
 * Rejects with BodyRefused, with why it was aborted, or with what the connection failed with.
 */
export function wholeAnswer(
  to: Pick<Dispatcher, 'dispatch'>,
  request: Dispatcher.DispatchOptions,
  reading: Reading,
): Promise<WholeAnswer> {
  return new Promise((resolve, reject) => {
    const reader = new AnswerReader(reading, resolve, reject);
    if (!reader.isOver) to.dispatch(request, reader);
  });
}

/** undici tells one of each step: its own `request` makes a stream of the body, and several promises of the way there. */
class AnswerReader implements Dispatcher.DispatchHandler {
  #controller: Dispatcher.DispatchController | undefined;
  #status = 0;
  #headers: IncomingHttpHeaders = {};
  #body: IncomingBody | undefined;
  #unwanted = 0;
  isOver = false;

  constructor(
    private readonly reading: Reading,
    private readonly resolve: (answer: WholeAnswer) => void,
    private readonly reject: (error: Error) => void,
  ) {
    const { signal } = reading;
    if (signal?.aborted) this.#fail(new Error('ended before it was sent'));
    else signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.isOver) controller.abort(new Error('ended before it was sent'));
    else this.reading.onSending?.();
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return; // says that an answer is coming (RFC 9110, 15.2)
    this.#status = status;
    this.#headers = headers;
    if (!this.reading.wants(status, headers)) return;
    try {
      this.#body = new IncomingBody(
        { length: lower(headers['content-length']), encoding: lower(headers['content-encoding']) },
        this.reading.bounds,
        (body) => this.#succeed(body),
        (why) => this.#fail(why),
        this.reading.passing && {
          ...this.reading.passing,
          onPassing: (head, rest) => this.#pass(head, rest),
        },
      );
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, piece: Buffer): void {
    if (this.#body) {
      if (!this.isOver && !this.#body.take(piece, () => controller.resume())) controller.pause();
      return;
    }
    this.#unwanted += piece.length;
    if (this.#unwanted <= UNWANTED_BYTES) return;
    this.#succeed(NOTHING);
    controller.abort(new Error('the rest is not wanted'));
  }

  onResponseEnd(): void {
    if (this.#body) this.#body.end();
    else this.#succeed(NOTHING);
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    this.#body?.leave(error);
    this.#fail(error);
  }

  readonly #onAbort = (): void => this.#fail(new Error('the call was ended'));

  #succeed(body: Buffer): void {
    if (this.#end()) this.resolve({ status: this.#status, headers: this.#headers, body });
  }

  /** The answer is given, and its rest is still to come. */
  #pass(head: Buffer, rest: Readable): void {
    // Whoever reads it is told by its iterator; nobody may be reading it yet.
    rest.on('error', () => undefined);
    // All may have come from the server before it is read.
    const { signal } = this.reading;
    const onAbort = () => rest.destroy(new Error('the call was ended'));
    signal?.addEventListener('abort', onAbort, { once: true });
    rest.once('close', () => {
      signal?.removeEventListener('abort', onAbort);
      this.#fail(new Error('the rest is not wanted'));
    });
    this.resolve({ status: this.#status, headers: this.#headers, body: head, rest });
  }

  #fail(error: Error): void {
    if (!this.#end()) return;
    this.#body?.leave(error);
    this.#controller?.abort(error);
    this.reject(error);
  }

  /** @returns whether it was not over yet */
  #end(): boolean {
    if (this.isOver) return false;
    this.isOver = true;
    this.reading.signal?.removeEventListener('abort', this.#onAbort);
    return true;
  }
}

function lower(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header.toLowerCase() : undefined;
}
