import { connect } from 'node:net';
import { text } from 'node:stream/consumers';

/** One request as bytes, for what fetch would not send. */
export async function rawRequest(url: string, method: string, path: string, headers = ''): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.write(`${method} ${path} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: close\r\n${headers}\r\n`);
  return text(socket);
}
