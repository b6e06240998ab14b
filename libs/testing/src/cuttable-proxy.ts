import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A TCP relay before a server, so that a test can take the server away from those who use it. */
export interface CuttableProxy {
  readonly port: number;
  /** Ends every connection and refuses new ones. */
  cut(): Promise<void>;
  /** Accepts again, on the same port. */
  restore(): Promise<void>;
  /**
   * Keeps back what the server says on the next connection on which a client has said all of these words, one after the
   * other, from the last of them on; resolves when the server has answered to it.
   */
  holdAnswerTo(...words: readonly [string, ...string[]]): Promise<void>;
  close(): Promise<void>;
}

/** What is waited for on any connection: the words, and what to call when the answer to them was kept back. */
interface Hold {
  readonly words: readonly string[];
  readonly reached: () => void;
}

/** Starts one before `host:port`; `open: false` starts it cut. */
export async function cuttableProxy(
  target: { readonly host: string; readonly port: number },
  { open = true } = {},
): Promise<CuttableProxy> {
  const sockets = new Set<Socket>();
  const holds = new Set<Hold>();
  const server = createServer((inward) => {
    const outward = connect(target);
    watchFor(holds, inward, outward);
    for (const [one, other] of [
      [inward, outward],
      [outward, inward],
    ] as const) {
      sockets.add(one);
      one.pipe(other);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  };
  const cut = async () => {
    if (!server.listening) return;
    server.close();
    for (const socket of sockets) socket.destroy();
    await once(server, 'close');
  };
  const port = await listen(0);
  if (!open) await cut();
  return {
    port,
    cut,
    restore: async () => {
      await listen(port);
    },
    holdAnswerTo: (...words) => new Promise((reached) => holds.add({ words, reached })),
    close: cut,
  };
}

/** Looks at what a client says, before it is handed on, and parts the server's answers from it at the last words of a hold. */
function watchFor(holds: Set<Hold>, inward: Socket, outward: Socket): void {
  const said = new Map<Hold, number>();
  inward.on('data', (chunk: Buffer) => {
    for (const hold of holds) {
      let count = said.get(hold) ?? 0;
      for (let word = hold.words[count]; word !== undefined && chunk.includes(word); word = hold.words[count]) count++;
      said.set(hold, count);
      if (count < hold.words.length) continue;
      holds.delete(hold);
      outward.unpipe(inward);
      outward.once('data', hold.reached).resume();
    }
  });
}
