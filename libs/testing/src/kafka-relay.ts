import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { KAFKA_REQUESTS } from './kafka-proxy.js';

/**
 * What a relay does with what it is given: hand it on; keep back records and requests for them, and hand on the rest; keep back
 * what brokers say to records that they were given, and hand on the rest; keep back everything, as a network does that loses
 * all packets (connections stay, and are accepted).
 */
export type RelayMode = 'open' | 'fetches-held' | 'acknowledgements-held' | 'silent';

/** A way to Kafka that a test can block, in whole or for reading alone. */
export interface KafkaRelay {
  /** As KAFKA_BROKERS takes it: whoever starts here is kept here, since the brokers' addresses are rewritten. */
  readonly brokers: string;
  /** What was kept back is handed on as soon as the mode lets it. */
  set(mode: RelayMode): void;
  close(): Promise<void>;
}

const HOST = '127.0.0.1';

/** Starts one before brokers on the loopback address, given as KAFKA_BROKERS takes them. */
export async function kafkaRelay(brokers: string): Promise<KafkaRelay> {
  const connections = new Set<RelayedConnection>();
  const rewritten: { readonly from: Buffer; readonly to: Buffer }[] = [];
  const servers: Server[] = [];
  const ports: number[] = [];
  let mode: RelayMode = 'open';
  for (const broker of brokers.split(',')) {
    const port = Number(broker.split(':').at(-1));
    const server = createServer((inward) => {
      const connection = new RelayedConnection(inward, connect({ host: HOST, port }), rewritten, () => mode);
      connections.add(connection);
      inward.once('close', () => connections.delete(connection));
    });
    server.listen(0, HOST);
    await once(server, 'listening');
    const address = server.address();
    if (typeof address !== 'object' || address === null) throw new Error('no port');
    servers.push(server);
    ports.push(address.port);
    rewritten.push({ from: addressOnTheWire(port), to: addressOnTheWire(address.port) });
  }
  return {
    brokers: ports.map((port) => `${HOST}:${port}`).join(','),
    set: (next) => {
      mode = next;
      for (const connection of connections) connection.pump();
    },
    close: async () => {
      for (const connection of connections) connection.end();
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}

/** A host and a port as metadata carries them: a string with its length, and 32 bits. */
function addressOnTheWire(port: number): Buffer {
  const bytes = Buffer.alloc(2 + HOST.length + 4);
  bytes.writeInt16BE(HOST.length);
  bytes.write(HOST, 2);
  bytes.writeInt32BE(port, 2 + HOST.length);
  return bytes;
}

/** One connection to a broker, frame by frame. */
class RelayedConnection {
  /** Correlation ids of requests whose answers name brokers, of those for records and of those that bring some. */
  readonly #naming = new Set<number>();
  readonly #fetches = new Set<number>();
  readonly #produces = new Set<number>();
  readonly #requests: Frames;
  readonly #answers: Frames;

  constructor(
    private readonly inward: Socket,
    private readonly outward: Socket,
    private readonly rewritten: readonly { readonly from: Buffer; readonly to: Buffer }[],
    private readonly mode: () => RelayMode,
  ) {
    this.#requests = new Frames(inward, () => this.pump());
    this.#answers = new Frames(outward, () => this.pump());
    for (const socket of [inward, outward]) {
      socket.on('error', () => this.end());
      socket.once('close', () => this.end());
    }
  }

  end(): void {
    this.inward.destroy();
    this.outward.destroy();
  }

  /** Hands on what the mode lets pass, in order. */
  pump(): void {
    const mode = this.mode();
    if (mode === 'silent') return;
    this.#requests.take((frame) => {
      const key = frame.readInt16BE(4);
      const id = frame.readInt32BE(8);
      if (mode === 'fetches-held' && key === KAFKA_REQUESTS.Fetch) return false;
      if (key === KAFKA_REQUESTS.Fetch) this.#fetches.add(id);
      if (key === KAFKA_REQUESTS.Produce) this.#produces.add(id);
      if (key === KAFKA_REQUESTS.Metadata || key === KAFKA_REQUESTS.FindCoordinator) this.#naming.add(id);
      return this.outward.write(frame) || true;
    });
    this.#answers.take((frame) => {
      const id = frame.readInt32BE(4);
      // A request that had passed before may wait at the broker for records.
      if (mode === 'fetches-held' && this.#fetches.has(id)) return false;
      if (mode === 'acknowledgements-held' && this.#produces.has(id)) return false;
      this.#fetches.delete(id);
      this.#produces.delete(id);
      if (this.#naming.delete(id)) this.#rewrite(frame);
      return this.inward.write(frame) || true;
    });
  }

  #rewrite(frame: Buffer): void {
    for (const { from, to } of this.rewritten) {
      for (let at = frame.indexOf(from); at >= 0; at = frame.indexOf(from, at + to.length)) to.copy(frame, at);
    }
  }
}

/** The frames that come in on a socket: 32 bits of length and so many bytes. */
class Frames {
  #bytes = Buffer.alloc(0);

  constructor(socket: Socket, onMore: () => void) {
    socket.on('data', (chunk) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      onMore();
    });
  }

  /** Offers whole frames, in order, until one is not taken. */
  take(offer: (frame: Buffer) => boolean): void {
    while (this.#bytes.length >= 4) {
      const length = 4 + this.#bytes.readInt32BE(0);
      if (this.#bytes.length < length || !offer(this.#bytes.subarray(0, length))) return;
      this.#bytes = this.#bytes.subarray(length);
    }
  }
}
