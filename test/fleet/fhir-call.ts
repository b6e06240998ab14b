import { connect, type Socket } from 'node:net';

/** How often a slow caller takes a little, and how much. */
const SLOW_MS = 100;
const SLOW_BYTES = 4_096;

/**
 * One call of the FHIR API on a connection of its own. It counts what came out of the kernel, so that together with
 * what the kernel still holds it can be told how much the gateway had handed over by a moment.
 */
export class FhirCall {
  readonly startedAt = performance.now();
  readonly ended: Promise<void>;
  #head = '';
  #isRefused = false;

  private constructor(
    readonly gateway: number,
    readonly path: string,
    private readonly socket: Socket,
    readonly slowly: boolean,
  ) {
    // A gateway that cuts a call may reset the connection.
    socket.on('error', (error) => (this.#isRefused = 'code' in error && error.code === 'ECONNREFUSED'));
    this.ended = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.once('end', () => socket.end());
    if (slowly) this.#takeSlowly();
    else socket.on('data', (chunk) => this.#keepHead(chunk));
  }

  /** @param gateway the port it listens on */
  static start(gateway: number, path: string, token: string, { slowly = false } = {}): FhirCall {
    const socket = connect({ host: '127.0.0.1', port: gateway });
    const call = new FhirCall(gateway, path, socket, slowly);
    socket.write(
      `GET /fhir${path} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\nAuthorization: Bearer ${token}\r\n\r\n`,
    );
    return call;
  }

  /** Nobody listens there. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  /** The status of the answer; undefined while, or if, none came. */
  get status(): number | undefined {
    const status = /^HTTP\/1\.1 (\d{3}) /.exec(this.#head)?.[1];
    return status === undefined ? undefined : Number(status);
  }

  /** A header of the answer. */
  header(name: string): string | undefined {
    return new RegExp(`^${name}: (.*)\r$`, 'im').exec(this.#head)?.[1];
  }

  /** Bytes that came in. */
  get bytes(): number {
    return this.socket.bytesRead;
  }

  /** The caller's own port; undefined before it is connected and after it ended. */
  get port(): number | undefined {
    return this.socket.localPort;
  }

  /** Takes the rest as fast as it comes. */
  hurry(): void {
    this.socket.removeAllListeners('readable');
    this.socket.on('data', (chunk: Buffer) => this.#keepHead(chunk));
    this.socket.resume();
  }

  #keepHead(chunk: Buffer): void {
    if (this.#head.length < 4_096) this.#head += chunk.toString('latin1');
  }

  #takeSlowly(): void {
    this.socket.on('readable', () => undefined); // paused: what is not taken stays in the kernel
    const taking = setInterval(() => {
      const chunk = this.socket.read(SLOW_BYTES) as Buffer | null;
      if (chunk) this.#keepHead(chunk);
    }, SLOW_MS);
    this.socket.once('close', () => clearInterval(taking));
  }
}
