import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** Requests of the Kafka protocol that a test may lose, by their api keys (Kafka protocol guide, "API Keys"). */
export const KAFKA_REQUESTS = {
  Produce: 0,
  Fetch: 1,
  ListOffsets: 2,
  Metadata: 3,
  FindCoordinator: 10,
  JoinGroup: 11,
  Heartbeat: 12,
  InitProducerId: 22,
  AddPartitionsToTxn: 24,
  EndTxn: 26,
} as const;
export type KafkaRequest = keyof typeof KAFKA_REQUESTS;

/** What is lost: a request before the broker sees it, or the answer to one that the broker carried out. */
export type Loss = 'request' | 'answer';
type Trouble = Loss | 'held answer';

/** A relay before one broker that loses what a test names, by ending the connection at that moment. */
export interface KafkaProxy {
  readonly port: number;
  /** Loses the next request of this kind, or its answer, and ends that connection; resolves when it has happened. */
  lose(loss: Loss, request: KafkaRequest): Promise<void>;
  /** Keeps back the answer to the next request of this kind, and all that the broker says on that connection after it; resolves when there is one. */
  hold(request: KafkaRequest): Promise<void>;
  close(): Promise<void>;
}

/** Starts one on `port`, before the broker at `target()`: it may start later than the proxy. */
export async function kafkaProxy(port: number, target: () => number): Promise<KafkaProxy> {
  const sockets = new Set<Socket>();
  const troubles: { readonly what: Trouble; readonly apiKey: number; readonly done: () => void }[] = [];
  const make = (what: Trouble, request: KafkaRequest): Promise<void> =>
    new Promise((resolve) => troubles.push({ what, apiKey: KAFKA_REQUESTS[request], done: resolve }));
  const take = (what: Trouble, apiKey: number | undefined): boolean => {
    const index = troubles.findIndex((wanted) => wanted.what === what && wanted.apiKey === apiKey);
    const [found] = index < 0 ? [] : troubles.splice(index, 1);
    found?.done();
    return found !== undefined;
  };
  const server = createServer((client) => {
    const broker = connect(target(), '127.0.0.1');
    const asked = new Map<number, number>();
    let held = false;
    const end = (): void => {
      client.destroy();
      broker.destroy();
    };
    for (const socket of [client, broker]) {
      sockets.add(socket);
      socket.on('error', end);
      socket.on('close', () => {
        sockets.delete(socket);
        end();
      });
    }
    eachFrame(client, (frame) => {
      const apiKey = frame.readInt16BE(4);
      asked.set(frame.readInt32BE(8), apiKey);
      if (take('request', apiKey)) end();
      else broker.write(frame);
    });
    eachFrame(broker, (frame) => {
      const correlationId = frame.readInt32BE(4);
      const apiKey = asked.get(correlationId);
      asked.delete(correlationId);
      held ||= take('held answer', apiKey);
      if (held) return;
      if (take('answer', apiKey)) end();
      else client.write(frame);
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    port,
    lose: make,
    hold: (request) => make('held answer', request),
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

/** Calls `take` with every whole message, its length of four bytes included. */
function eachFrame(socket: Socket, take: (frame: Buffer) => void): void {
  let chunks: Buffer[] = [];
  let held = 0;
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    held += chunk.length;
    // A large message comes in many pieces: they are joined once, when it is whole.
    for (let size = sizeOf(chunks); held >= size; size = sizeOf(chunks)) {
      const all = Buffer.concat(chunks);
      take(all.subarray(0, size));
      chunks = [all.subarray(size)];
      held -= size;
    }
  });
}

function sizeOf(chunks: readonly Buffer[]): number {
  const start = (chunks[0]?.length ?? 0) >= 4 ? chunks[0] : Buffer.concat(chunks);
  return start && start.length >= 4 ? start.readInt32BE(0) + 4 : Infinity;
}
