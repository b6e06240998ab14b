import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { NoLongerAllowed } from '../ask-upstream/upstream-failed.js';
import { Patience } from './patience.js';
import { sendPieces, sendResource } from './send-answer.js';

const RESOURCE = Buffer.from('{"resourceType":"Observation","id":"second"}');

/** A server that hands on its requests as they come, and a connection to it. */
async function aConnection(): Promise<{
  readonly server: Server;
  readonly client: Socket;
  readonly ask: (path: string) => Promise<ServerResponse>;
}> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const client = connect(typeof address === 'object' && address ? address.port : 0, '127.0.0.1');
  await once(client, 'connect');
  const ask = async (path: string) => {
    const asked = once(server, 'request') as Promise<[IncomingMessage, ServerResponse]>;
    client.write(`GET ${path} HTTP/1.1\r\nHost: gatehouse\r\n\r\n`);
    return (await asked)[1];
  };
  return { server, client, ask };
}

describe('an answer that waits for another on its connection', () => {
  test('leaves once it is its turn', async () => {
    const { server, client, ask } = await aConnection();
    const first = await ask('/first');
    const sending = sendResource(await ask('/second'), RESOURCE, { Connection: 'close' }, () => true);
    first.end('first');
    expect(await text(client)).toContain('"id":"second"');
    expect(await sending).toEqual({ ending: 'sent', bytes: RESOURCE.length });
    server.close();
  });

  test('does not leave when access closed while it waited', async () => {
    const { server, client, ask } = await aConnection();
    let allowed = true;
    const first = await ask('/first');
    const sending = sendResource(await ask('/second'), RESOURCE, {}, () => allowed);
    allowed = false;
    first.end('first');
    expect(await sending).toEqual({ ending: 'cut', bytes: 0 });
    expect(await text(client)).not.toContain('second');
    server.close();
  });

  test('ends when the connection does', async () => {
    const { server, client, ask } = await aConnection();
    await ask('/first');
    const sending = sendResource(await ask('/second'), RESOURCE, {}, () => true);
    client.destroy();
    expect(await sending).toEqual({ ending: 'caller-gone', bytes: 0 });
    server.close();
  });
});

test.each([
  ['small', 'Grüße, 患者 🩺'],
  ['in several pieces', 'Grüße, 患者 🩺'.repeat(10_000)],
])('text that is %s leaves as its bytes, and says how many', async (_what, body) => {
  const { server, client, ask } = await aConnection();
  const sending = sendResource(await ask('/first'), body, { Connection: 'close' }, () => true);
  const [head = '', came] = (await text(client)).split('\r\n\r\n');
  expect(came).toBe(body);
  expect(head).toContain(`Content-Length: ${Buffer.byteLength(body)}\r\n`);
  expect(await sending).toEqual({ ending: 'sent', bytes: Buffer.byteLength(body) });
  server.close();
});

test('a caller who was gone before gets nothing, and the call ends', async () => {
  const { server, client, ask } = await aConnection();
  const response = await ask('/gone');
  client.destroy();
  await once(response, 'close');
  expect(await sendResource(response, RESOURCE, {}, () => true)).toEqual({ ending: 'caller-gone', bytes: 0 });
  server.close();
});

describe('pieces that fail', () => {
  const broken = new Error('the rest did not come');
  /** One piece, and then nothing until `until`. */
  async function* oneAndNoMore(until: Promise<unknown>): AsyncGenerator<Buffer, void> {
    yield RESOURCE;
    await until;
    throw broken;
  }
  // eslint-disable-next-line require-yield -- it fails before
  async function* none(): AsyncGenerator<Buffer, void> {
    throw broken;
  }

  test('since the caller left them are no failure', async () => {
    const { server, client, ask } = await aConnection();
    const response = await ask('/first');
    const sending = sendPieces(response, oneAndNoMore(once(response, 'close')), {}, () => true);
    await once(client, 'data');
    client.destroy();
    expect(await sending).toEqual({ ending: 'caller-gone', bytes: RESOURCE.length });
    server.close();
  });

  test('while the caller waits for them cut the connection, and are thrown', async () => {
    const { server, client, ask } = await aConnection();
    const seen = once(client, 'data');
    await expect(sendPieces(await ask('/first'), oneAndNoMore(seen), {}, () => true)).rejects.toBe(broken);
    await once(client, 'close');
    server.close();
  });

  test.each([
    ['told as what failed', true, broken],
    ['told as what is not allowed any more, where it is not', false, expect.any(NoLongerAllowed)],
  ])('before the head left may be %s', async (_what, isAllowed, thrown) => {
    const { server, client, ask } = await aConnection();
    const response = await ask('/first');
    await expect(sendPieces(response, none(), {}, () => isAllowed)).rejects.toEqual(thrown);
    expect([response.headersSent, response.destroyed]).toEqual([false, false]);
    client.destroy();
    server.close();
  });
});

test('one large piece is handed over bit by bit: of what is closed meanwhile no more leaves', async () => {
  const { server, client, ask } = await aConnection();
  async function* one(): AsyncGenerator<Buffer, void> {
    yield Buffer.alloc(10_000_000);
  }
  let asked = 0;
  const sending = sendPieces(await ask('/first'), one(), {}, () => ++asked < 5);
  client.resume();
  const { ending, bytes } = await sending;
  expect([ending, bytes > 0, bytes < 1_000_000]).toEqual(['cut', true, true]);
  client.destroy();
  server.close();
});

test('of a caller who left in the middle of a piece no further one is made; what was handed over is told', async () => {
  const { server, client, ask } = await aConnection();
  let made = 0;
  async function* large(): AsyncGenerator<Buffer, void> {
    for (;;) {
      made++;
      yield Buffer.alloc(20_000_000);
    }
  }
  let handedOver = 0;
  const sending = sendPieces(
    await ask('/first'),
    large(),
    {},
    () => true,
    undefined,
    (it) => (handedOver += it),
  );
  await once(client, 'data');
  client.destroy();
  const { ending, bytes } = await sending;
  expect([ending, made, bytes]).toEqual(['caller-gone', 1, handedOver]);
  expect(bytes).toBeLessThan(20_000_000);
  server.close();
});

describe('a caller that takes a little at a time', () => {
  async function* much(pieces: number): AsyncGenerator<Buffer, void> {
    for (let at = 0; at < pieces; at++) yield Buffer.alloc(1_000_000);
  }
  async function sip(client: Socket): Promise<void> {
    client.pause();
    while (!client.destroyed && !client.readableEnded) {
      client.read();
      await nextTurn();
    }
  }

  test('is left, where it takes less than it has to', async () => {
    const { server, client, ask } = await aConnection();
    const patience = new Patience({ graceMs: 20, bytesPerMs: 1e12 });
    const sending = sendPieces(await ask('/first'), much(Infinity), {}, () => true, patience);
    const [sent] = await Promise.all([sending, sip(client)]);
    expect([sent.ending, sent.bytes > 0]).toEqual(['caller-gone', true]);
    server.close();
  });

  test('is waited for, where it does not', async () => {
    const { server, client, ask } = await aConnection();
    const patience = new Patience({ graceMs: 60_000, bytesPerMs: 1 });
    const sending = sendPieces(await ask('/first'), much(20), { Connection: 'close' }, () => true, patience);
    const [sent] = await Promise.all([sending, sip(client)]);
    expect(sent).toEqual({ ending: 'sent', bytes: 20_000_000 });
    server.close();
  });
});
