import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A TCP relay before a server, so that a test can take the server away from those who use it. */
export interface CuttableProxy {
  readonly port: number;
  /** Ends every connection and refuses new ones. */
  cut(): Promise<void>;
  /** Accepts again, on the same port. */
  restore(): Promise<void>;
  close(): Promise<void>;
}

/** Starts one before `host:port`; `open: false` starts it cut. */
export async function cuttableProxy(
  target: { readonly host: string; readonly port: number },
  { open = true } = {},
): Promise<CuttableProxy> {
  const sockets = new Set<Socket>();
  const server = createServer((inward) => {
    const outward = connect(target);
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
    close: cut,
  };
}
