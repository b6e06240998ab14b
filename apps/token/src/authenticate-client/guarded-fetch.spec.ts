import { createServer, type RequestListener, type Server } from 'node:http';
import type { lookup } from 'node:dns';
import { FetchRefused, GuardedFetch, mayReach } from './guarded-fetch.js';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function serve(listener: RequestListener): Promise<number> {
  const server: Server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => new Promise((resolve) => server.close(resolve)));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

function fetcher(guard: ConstructorParameters<typeof GuardedFetch>[0]): GuardedFetch {
  const made = new GuardedFetch(guard);
  closing.push(() => made.onModuleDestroy());
  return made;
}

/** A name server that gives these answers, whatever the name. */
function resolvingTo(...addresses: string[]): typeof lookup {
  const answer = addresses.map((address) => ({ address, family: 4 }));
  // Only the form with `all` is called; the other overloads of dns.lookup are not.
  return ((_name: string, _options: object, done: (error: null, found: typeof answer) => void) =>
    done(null, answer)) as typeof lookup;
}

describe('addresses', () => {
  test.each(['8.8.8.8', '2606:4700::1111'])('%s is public', (address) => expect(mayReach(address, false)).toBe(true));
  test.each([
    '127.0.0.1',
    '10.0.0.1',
    '172.16.3.4',
    '192.168.0.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '255.255.255.255',
    '224.0.0.1',
    '::1',
    '::',
    'fe80::1',
    'fc00::1',
    '::ffff:127.0.0.1',
    '::ffff:10.0.0.1',
    '64:ff9b::a00:1',
    '2002:a00:1::',
    'not an address',
  ])('%s is not', (address) => expect(mayReach(address, false)).toBe(false));
  test('loopback alone is added by the setting of development', () => {
    expect([mayReach('127.0.0.1', true), mayReach('::1', true), mayReach('10.0.0.1', true)]).toEqual([
      true,
      true,
      false,
    ]);
  });
});

describe('fetching what a client named', () => {
  test('a small answer comes with its Cache-Control', async () => {
    const port = await serve((_request, response) =>
      response.writeHead(200, { 'cache-control': 'max-age=7' }).end('{"keys":[]}'),
    );
    await expect(fetcher({ allowLoopback: true }).json(`http://127.0.0.1:${port}/jwks`)).resolves.toEqual({
      body: '{"keys":[]}',
      cacheControl: 'max-age=7',
    });
  });

  test.each([
    'http://example.org/jwks',
    'file:///etc/passwd',
    'https://127.0.0.1/jwks',
    'https://[::1]/jwks',
    'https://0x7f000001/jwks',
    'https://u:p@example.org/',
    'jwks',
  ])('%s is not fetched', async (address) => {
    await expect(fetcher({ allowLoopback: false }).json(address)).rejects.toBeInstanceOf(FetchRefused);
  });

  test('nor a name that resolves to an internal address, were it one of several', async () => {
    let reached = 0;
    const port = await serve((_request, response) => response.end(String(++reached)));
    const guard = { allowLoopback: false, resolve: resolvingTo('93.184.216.34', '127.0.0.1') };
    await expect(fetcher(guard).json(`https://rebinding.example:${port}/`)).rejects.toThrow(
      'internal addresses are not fetched',
    );
    expect(reached).toBe(0);
  });

  test('a redirect is not followed', async () => {
    let reached = 0;
    const inside = await serve((_request, response) => response.end(String(++reached)));
    const port = await serve((_request, response) =>
      response.writeHead(302, { location: `http://127.0.0.1:${inside}/` }).end(),
    );
    await expect(fetcher({ allowLoopback: true }).json(`http://127.0.0.1:${port}/`)).rejects.toThrow('it answered 302');
    expect(reached).toBe(0);
  });

  test('a long answer is cut off', async () => {
    const port = await serve((_request, response) => response.end('x'.repeat(70_000)));
    await expect(fetcher({ allowLoopback: true }).json(`http://127.0.0.1:${port}/`)).rejects.toThrow(/longer than/);
  });
});
