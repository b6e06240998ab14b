import { fastify, type FastifyInstance } from 'fastify';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { mountHandler } from './mount-handler.js';

describe('a handler mounted below a path', () => {
  let server: FastifyInstance;
  let errors: unknown[];
  beforeEach(() => {
    errors = [];
    server = fastify();
    server.addHook('onRequest', (_request, reply, done) => {
      reply.raw.setHeader('x-from-hook', 'yes');
      done();
    });
    server.post('/parsed', (request) => ({ body: request.body }));
    mountHandler(server, {
      prefix: '/mounted',
      publicUrl: 'https://gatehouse.example.org',
      handler: echo,
      onError: (error) => errors.push(error),
    });
  });
  afterEach(() => server.close());

  it('sees the whole URL if it keeps its prefix, under each that it has', async () => {
    for (const prefix of ['/kept', '/.well-known']) {
      mountHandler(server, {
        prefix,
        keepPrefix: true,
        publicUrl: 'https://gatehouse.example.org',
        handler: echo,
        onError: (error) => errors.push(error),
      });
    }
    for (const url of ['/kept/token?a=b', '/.well-known/openid-configuration']) {
      const answer = (await server.inject({ method: 'GET', url })).json();
      expect(answer).toMatchObject({ url });
      expect(answer).not.toHaveProperty('originalUrl');
    }
    expect((await server.inject({ method: 'GET', url: '/keptx/token' })).statusCode).toBe(404);
  });

  async function echo(request: IncomingMessage & { originalUrl?: string }, response: ServerResponse): Promise<void> {
    if (request.url === '/fail') throw new Error('failed');
    const { host, forwarded } = request.headers;
    const forwardedHeaders = Object.fromEntries(
      Object.entries(request.headers).filter(([name]) => name.startsWith('x-forwarded')),
    );
    response.writeHead(202, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify({
        method: request.method,
        url: request.url,
        originalUrl: request.originalUrl,
        host,
        forwarded,
        forwardedHeaders,
        body: await text(request),
      }),
    );
  }

  it.each([
    ['/mounted', '/'],
    ['/mounted/', '/'],
    ['/mounted?a=b', '/?a=b'],
    ['/mounted/token', '/token'],
    ['/mounted/a%2Fb//c?x=%20', '/a%2Fb//c?x=%20'],
  ])('%s: sees the URL below its prefix, as it was sent', async (url, below) => {
    const response = await server.inject({ method: 'GET', url });
    expect(response.statusCode).toBe(202);
    expect(response.headers['x-from-hook']).toBe('yes');
    expect(response.json()).toMatchObject({ url: below, originalUrl: url });
  });

  it.each([
    ['application/x-www-form-urlencoded', 'a=b&c=%'],
    ['application/json', '{"not": json'],
    ['text/weird', 'anything'],
    ['', 'an empty type'],
    [';;;', 'a type that is none'],
    [undefined, 'no type'],
  ])('reads a body of type %j itself', async (type, body) => {
    const response = await server.inject({
      method: 'POST',
      url: '/mounted/token',
      payload: body,
      headers: type === undefined ? {} : { 'content-type': type },
    });
    expect(response.json()).toMatchObject({ method: 'POST', body });
  });

  it('leaves the parsers of other routes alone', async () => {
    const response = await server.inject({ method: 'POST', url: '/parsed', payload: { a: 1 } });
    expect(response.json()).toEqual({ body: { a: 1 } });
  });

  it('shows the public URL as host and protocol, whatever the caller says', async () => {
    const headers = {
      host: 'evil.example',
      forwarded: 'host=evil.example',
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'gopher',
      'x-forwarded-for': '10.0.0.1',
      'x-forwarded-prefix': '/evil',
    };
    const response = await server.inject({ method: 'GET', url: '/mounted/x', headers });
    expect(response.json()).toMatchObject({ host: 'gatehouse.example.org' });
    expect(response.json()).not.toHaveProperty('forwarded');
    expect(response.json().forwardedHeaders).toEqual({
      'x-forwarded-host': 'gatehouse.example.org',
      'x-forwarded-proto': 'https',
      'x-forwarded-for': '127.0.0.1',
    });
  });

  it.each(['/mountedx', '/mounte', '/%6Dounted/x', '/other'])('does not answer %s', async (url) => {
    expect((await server.inject({ method: 'GET', url })).statusCode).toBe(404);
  });

  it('answers 500 without detail when the handler fails, and says so', async () => {
    const response = await server.inject({ method: 'GET', url: '/mounted/fail' });
    expect(response.statusCode).toBe(500);
    expect(response.body).toBe('');
    expect(errors).toEqual([new Error('failed')]);
  });
});
