import { fastify, type FastifyInstance } from 'fastify';
import { once } from 'node:events';
import { createServer, IncomingMessage, ServerResponse } from 'node:http';
import { connect, Socket } from 'node:net';
import { noTracing } from '../tracing/tracing.js';
import { DirectMounts, mountDirectly } from './direct-mounts.js';

describe('a handler mounted before the router', () => {
  let server: FastifyInstance;
  let url: string;
  let errors: unknown[];
  let answered: unknown[];

  beforeEach(async () => {
    [errors, answered] = [[], []];
    const direct = new DirectMounts([['X-Frame-Options', 'DENY']], () => '192.0.2.1', noTracing);
    direct.observe((method, route, status) => answered.push({ method, route, status }));
    server = fastify({
      serverFactory: (route) =>
        createServer((request, response) => {
          if (!direct.answer(request, response)) route(request, response);
        }),
    });
    direct.belongTo(server);
    mountDirectly(server, {
      prefix: '/fhir',
      handler: async (request, response, address) => {
        if (request.url === '/fhir/fails') throw new Error('failed');
        if (request.url === '/fhir/fails-late') {
          response.write('half');
          throw new Error('failed');
        }
        response.end(`${request.url} ${address}`);
      },
      onError: (error) => errors.push(error),
    });
    url = await server.listen({ port: 0, host: '127.0.0.1' });
  });
  afterEach(() => server.close());

  test.each(['/fhir', '/fhir/', '/fhir?a=b', '/fhir/Patient/p1?x=%zz', '/fhir//a/../b'])(
    'gets %s as it was sent, and from whom it is believed to come',
    async (path) => {
      const socket = await rawGet(url, path);
      expect(socket).toContain(`${path} 192.0.2.1`);
    },
  );

  test.each(['/fhirs', '/FHIR/a', '/%66hir/a', '/', '//fhir/a'])('leaves %s to the router', async (path) => {
    expect(await rawGet(url, path)).toMatch(/^HTTP\/1\.1 404/);
  });

  test('has a correlation id and the headers that every response has, and is counted', async () => {
    const response = await fetch(`${url}/fhir/a`, { headers: { 'x-correlation-id': 'c-1' } });
    await response.text();
    expect(response.headers.get('x-correlation-id')).toBe('c-1');
    expect(response.headers.get('x-frame-options')).toBe('DENY');
    expect(answered).toEqual([{ method: 'GET', route: '/fhir/*', status: 200 }]);
  });

  test('gives an id of the caller’s own back, where it is one', async () => {
    const told = async (id: string) =>
      (await fetch(`${url}/fhir/a`, { headers: { 'x-request-id': id } })).headers.get('x-request-id');
    expect(await told('bfe9eb29-ab87-4ca3-be83-a1d5d8305716')).toBe('bfe9eb29-ab87-4ca3-be83-a1d5d8305716');
    expect([await told('two words'), await told('x'.repeat(129))]).toEqual([null, null]);
  });

  test('that fails is answered 500 without detail, or cut where the answer had begun', async () => {
    const response = await fetch(`${url}/fhir/fails`);
    expect({ status: response.status, text: await response.text() }).toEqual({ status: 500, text: '' });
    await expect(fetch(`${url}/fhir/fails-late`).then((it) => it.text())).rejects.toThrow();
    expect(errors).toEqual([new Error('failed'), new Error('failed')]);
  });

  test('takes what it says, at the port that serves it', () => {
    const direct = new DirectMounts([], () => '', noTracing);
    const handler = async () => undefined;
    const onError = () => undefined;
    direct.add({ prefix: '/open', handler, onError });
    direct.add({ prefix: '/own', handler, onError, isAdministration: true, takes: ({ method }) => method === 'POST' });
    const taken = (method: string, url: string) => {
      const request = Object.assign(new IncomingMessage(new Socket()), { method, url });
      return (['everything', 'what is public', 'administration'] as const).map((serves) =>
        direct.answer(request, new ServerResponse(request), serves),
      );
    };
    expect(taken('GET', '/open')).toEqual([true, true, false]);
    expect(taken('POST', '/own')).toEqual([true, false, true]);
    expect(taken('GET', '/own')).toEqual([false, false, false]);
  });

  test('cannot be mounted at a server that takes none', () => {
    const mount = { prefix: '/x', handler: async () => undefined, onError: () => undefined };
    expect(() => mountDirectly(fastify(), mount)).toThrow('direct');
  });
});

/** As it stands in the request line: `fetch` would tidy the path up. */
async function rawGet(url: string, path: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.end(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  let heard = '';
  socket.on('data', (chunk) => (heard += chunk.toString()));
  await once(socket, 'close');
  return heard;
}
