import { jest } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { Pool } from 'undici';
import { BodyMemory } from './body-memory.js';
import { type Reading, wholeAnswer } from './whole-answer.js';

/** A server that says what a test tells it to, byte for byte. */
describe('an answer that is read to its end', () => {
  let server: Server;
  let pool: Pool;
  let heads: string[];
  let sockets: Socket[];
  let says: (socket: Socket) => void;
  beforeEach(async () => {
    [heads, sockets] = [[], []];
    server = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => socket.destroy());
      socket.on('data', (chunk) => {
        heads.push(chunk.toString('latin1'));
        says(socket);
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (typeof address !== 'object' || address === null) throw new Error('no port');
    pool = new Pool(`http://127.0.0.1:${address.port}`);
  });
  afterEach(async () => {
    await pool.destroy();
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });

  const ask = (reading: Partial<Reading> = {}) =>
    wholeAnswer(
      pool,
      { method: 'GET', path: '/x' },
      {
        bounds: { maxBytes: 100_000, memory: new BodyMemory(1_000_000).lease(), timeoutMs: 20_000 },
        wants: (status) => status === 200,
        ...reading,
      },
    );
  const answer = (body: Buffer | string, head = 'HTTP/1.1 200 OK', headers = ''): Buffer =>
    Buffer.concat([
      Buffer.from(`${head}\r\n${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n`),
      Buffer.from(body),
    ]);

  it('is given with its status and headers, in however many pieces it comes', async () => {
    says = (socket) => void byteByByte(socket, answer('{"a":"é"}', 'HTTP/1.1 200 OK', 'ETag: W/"1"\r\n'));
    const { status, headers, body } = await ask();
    expect([status, headers['etag'], body.toString('utf8')]).toEqual([200, 'W/"1"', '{"a":"é"}']);
  });

  it('is what comes after those that only say that one is coming', async () => {
    says = (socket) => void socket.write(Buffer.concat([Buffer.from('HTTP/1.1 103 Early Hints\r\n\r\n'), answer('a')]));
    expect(await ask()).toMatchObject({ status: 200, body: Buffer.from('a') });
  });

  it('is decompressed, in pieces too', async () => {
    const text = JSON.stringify(Array.from({ length: 5_000 }, (_, index) => index));
    says = (socket) => void socket.write(answer(gzipSync(text), 'HTTP/1.1 200 OK', 'Content-Encoding: GZIP\r\n'));
    expect((await ask()).body.toString('utf8')).toBe(text);
  });

  it('has no body where that is not wanted, and the connection stays', async () => {
    says = (socket) => void socket.write(answer('secret', 'HTTP/1.1 404 Not Found'));
    expect(await ask()).toMatchObject({ status: 404, body: Buffer.alloc(0) });
    expect(await ask()).toMatchObject({ status: 404 });
    expect(sockets[0]?.destroyed).toBe(false);
  });

  it('is left where much comes that is not wanted: the connection goes', async () => {
    says = (socket) => void socket.write(answer('x'.repeat(100_000), 'HTTP/1.1 500 Failed'));
    expect(await ask()).toMatchObject({ status: 500, body: Buffer.alloc(0) });
    await closed(sockets[0]);
  });

  it('is refused by what its head says, before anything of it is read', async () => {
    says = (socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\n');
    await expect(ask()).rejects.toMatchObject({ why: 'too-large' });
    says = (socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\n');
    await expect(ask()).rejects.toMatchObject({ why: 'unknown-encoding' });
  });

  it('ends with the call, in the middle of it: the connection goes', async () => {
    const call = new AbortController();
    says = (socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc');
      call.abort();
    };
    await expect(ask({ signal: call.signal })).rejects.toThrow('the call was ended');
    await closed(sockets[0]);
  });

  it('is not asked for when the call has ended before, nor when it ends before there is a connection', async () => {
    says = (socket) => void socket.write(answer('a'));
    const call = new AbortController();
    const waits = ask({ signal: call.signal });
    call.abort();
    await expect(waits).rejects.toThrow('the call was ended');
    await expect(ask({ signal: call.signal })).rejects.toThrow('ended before it was sent');
    expect((await ask()).status).toBe(200);
    expect(heads).toHaveLength(1);
  });

  it('keeps no listener of the call', async () => {
    says = (socket) => void socket.write(answer('a'));
    const { signal } = new AbortController();
    const removed = jest.spyOn(signal, 'removeEventListener');
    const added = jest.spyOn(signal, 'addEventListener');
    await ask({ signal });
    expect(removed.mock.calls.map(([, listener]) => listener)).toEqual(
      added.mock.calls.map(([, listener]) => listener),
    );
    expect(added).toHaveBeenCalledTimes(1);
  });
});

/** Waits until its other side has closed it, by whatever means. */
async function closed(socket: Socket | undefined): Promise<void> {
  if (socket?.closed === false) await new Promise((resolve) => socket.once('close', resolve));
}

async function byteByByte(socket: Socket, bytes: Buffer): Promise<void> {
  for (const byte of bytes) {
    socket.write(Buffer.from([byte]));
    await nextTurn();
  }
}
