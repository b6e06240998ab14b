import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { sendResource } from './send-answer.js';

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

test('a caller who was gone before gets nothing, and the call ends', async () => {
  const { server, client, ask } = await aConnection();
  const response = await ask('/gone');
  client.destroy();
  await once(response, 'close');
  expect(await sendResource(response, RESOURCE, {}, () => true)).toEqual({ ending: 'caller-gone', bytes: 0 });
  server.close();
});
