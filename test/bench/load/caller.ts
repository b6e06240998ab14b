import { connect, type Socket } from 'node:net';

/** An answer: its status and its body. */
export interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

/**
 * One caller on one connection, one request at a time. It reads just as much of HTTP/1.1 as the servers here speak
 * (status line, `Content-Length`), so that the load takes little of the machine that it measures.
 */
export class Caller {
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #onAnswer: ((answer: Answer) => void) | undefined;

  /** @param onFailure the connection ended, or spoke what this does not read */
  constructor(port: number, onFailure: (error: Error) => void) {
    this.#socket = connect(port, '127.0.0.1').setNoDelay(true);
    this.#socket.on('data', (chunk) => {
      this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
      try {
        this.#read();
      } catch (error) {
        onFailure(error instanceof Error ? error : new Error(String(error)));
      }
    });
    this.#socket.once('error', onFailure);
    this.#socket.once('close', () => {
      if (this.#onAnswer) onFailure(new Error('the connection ended before its answer did'));
    });
  }

  send(request: string, onAnswer: (answer: Answer) => void): void {
    this.#onAnswer = onAnswer;
    this.#socket.write(request);
  }

  end(): void {
    this.#onAnswer = undefined;
    this.#socket.destroy();
  }

  #read(): void {
    const end = this.#received.indexOf('\r\n\r\n');
    if (end < 0) return;
    const head = this.#received.toString('latin1', 0, end);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length === undefined) throw new Error(`an answer without a length:\n${head}`);
    const bodyEnd = end + 4 + Number(length);
    if (this.#received.length < bodyEnd) return;
    const answer = { status: Number(head.slice(9, 12)), body: this.#received.subarray(end + 4, bodyEnd) };
    this.#received = this.#received.subarray(bodyEnd);
    this.#onAnswer?.(answer);
  }
}
