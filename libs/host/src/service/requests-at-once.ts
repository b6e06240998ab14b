import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { correlationIdOf } from '../logging/request-context.js';
import { problemBody } from '../problem/problems.js';
import { problemMediaType, problemOfStatus } from '../problem/problem.js';

/** What the bodies that the router reads may take together, in bytes, but for those that are small. */
const BODIES_MOST = 64 * 1_048_576;
const SMALL_BODY = 16_384;
/** So many more, for whoever asks whether the process lives: an overload is no reason to replace it. */
const FOR_HEALTH = 20;
/** So many requests of one connection may wait behind its first (HTTP pipelining, RFC 9112 §9.3.2). */
const WAITING_BEHIND = 8;
/** How long a caller may leave an answer that is written unread, in milliseconds. */
const UNREAD_MS = 60_000;

/**
 * How much a process takes on at once (docs/limits.md). Each request that is under way may wait in several places: for the log, for
 * the database, for its turn at the FHIR server. What bounds their number bounds what waits in all of these.
 */
export class RequestsAtOnce {
  #underWay = 0;
  #bodies = 0;
  readonly #behind = new WeakMap<Socket, number>();

  constructor(
    private readonly options: {
      readonly most: number;
      /** The largest body that the router takes, in bytes. */
      readonly bodyLimit: number;
      /** Whether the port tells how the process is: elsewhere nobody has the places that are kept for it. */
      readonly tellsHealth: boolean;
      readonly headers: readonly (readonly [string, string])[];
      /** Told of each refusal, with why. */
      readonly onRefused: (reason: string) => void;
    },
  ) {}

  /**
   * Lets a request in until its response is closed, or answers it 503; one that is too far behind on its connection ends
   * that. An answer that nobody reads ends its connection, too. @returns whether it was let in
   */
  enter({ headers, url = '', socket }: IncomingMessage, response: ServerResponse): boolean {
    if (response.socket === null && !this.#queue(socket, response)) return false;
    const forHealth = this.options.tellsHealth && url.startsWith('/health/') ? FOR_HEALTH : 0;
    const most = this.options.most + forHealth;
    if (this.#underWay >= most) {
      this.#refuse(headers, response, 'This process has as many requests under way as it takes at once.');
      return false;
    }
    this.#underWay++;
    response.once('close', () => this.#underWay--);
    response.once('prefinish', () => endUnread(socket, response));
    return true;
  }

  /** One connection must not take every place. */
  #queue(socket: Socket, response: ServerResponse): boolean {
    const before = this.#behind.get(socket) ?? 0;
    if (before >= WAITING_BEHIND) {
      this.options.onRefused('A connection has more requests waiting than one may have.');
      socket.destroy();
      return false;
    }
    this.#behind.set(socket, before + 1);
    response.once('close', () => this.#behind.set(socket, (this.#behind.get(socket) ?? 1) - 1));
    return true;
  }

  /** As {@link enter}, for the body that the router will read whole before it knows what to make of it. */
  admitBody({ headers }: IncomingMessage, response: ServerResponse): boolean {
    const { bodyLimit } = this.options;
    const bytes = headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : bodyLimit;
    // What is larger than its limit is refused by the router, unread.
    if (!(bytes > SMALL_BODY && bytes <= bodyLimit)) return true;
    if (this.#bodies + bytes > BODIES_MOST) {
      this.#refuse(headers, response, 'This process reads as many large bodies as it takes at once.');
      return false;
    }
    this.#bodies += bytes;
    response.once('close', () => (this.#bodies -= bytes));
    return true;
  }

  #refuse(asked: IncomingMessage['headers'], response: ServerResponse, detail: string): void {
    this.options.onRefused(detail);
    const id = correlationIdOf(asked);
    const body = problemBody({ ...problemOfStatus(503, detail), instance: `urn:gatehouse:request:${id}` });
    for (const [name, value] of this.options.headers) response.setHeader(name, value);
    response.writeHead(503, {
      'X-Correlation-Id': id,
      'Retry-After': '1',
      'Content-Type': problemMediaType,
      'Content-Length': body.length,
      Connection: 'close',
    });
    response.end(body);
  }
}

/** Everything is written; whoever does not take it keeps a place for nothing. */
function endUnread(socket: Socket, response: ServerResponse): void {
  if (socket.writableLength === 0) return;
  const timer = setTimeout(() => socket.destroy(), UNREAD_MS).unref();
  response.once('close', () => clearTimeout(timer));
}
