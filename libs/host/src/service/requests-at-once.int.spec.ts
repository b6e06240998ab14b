import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { startTestService, testIssuer, type TestIssuer, type TestService, things } from '#testing';
import { isolate, type Isolation } from '../../../../test/environment/isolation.js';

describe('a service that has as much to do as it takes at once', () => {
  const most = 70;
  let own: Isolation;
  let issuer: TestIssuer;
  let service: TestService;
  let held: Socket[] = [];

  beforeAll(async () => {
    [own, issuer] = await Promise.all([isolate(), testIssuer()]);
    const environment = { REQUESTS_AT_ONCE: String(most) };
    service = await startTestService(things, { databaseUrl: own.databaseUrl, issuer, environment });
  }, 30_000);
  afterAll(async () => {
    await service.close();
    await Promise.all([own.dispose(), issuer.close()]);
  });
  afterEach(async () => {
    for (const socket of held) socket.destroy();
    held = [];
    await untilStatus(200, '/things/open/door');
  });

  /** Begins a request whose body does not come. */
  const hold = (bytes: number): void => {
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(service.url).port) });
    held.push(socket.on('error', () => undefined));
    const head = ['POST /things HTTP/1.1', 'Host: x', 'Content-Type: application/json', `Content-Length: ${bytes}`];
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
  };
  async function untilStatus(status: number, path: string, init?: Parameters<TestService['call']>[1]) {
    for (;;) {
      const response = await service.call(path, init);
      if (response.status === status) return response;
      await response.body?.cancel();
    }
  }

  it('refuses what comes more, and tells that it lives', async () => {
    for (let count = 0; count < most; count++) hold(2);
    const refused = await untilStatus(503, '/things/open/door');
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(refused.headers.get('x-content-type-options')).toBe('nosniff');
    expect(refused.headers.get('content-type')).toBe('application/problem+json');
    await expect(refused.json()).resolves.toMatchObject({ status: 503, type: 'urn:gatehouse:problem:unavailable' });
    expect((await service.call('/health/live')).status).toBe(200);
    held.pop()?.destroy();
    await untilStatus(200, '/things/open/door');
  });

  it('gives one connection no more than a few places, however much it asks for at once', async () => {
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(service.url).port) });
    held.push(socket.on('error', () => undefined));
    const closed = once(socket, 'close');
    const body = ['POST /things HTTP/1.1', 'Host: x', 'Content-Type: application/json', 'Content-Length: 2', '', ''];
    // The first one is not answered before its body comes, and the others wait behind it.
    socket.write(body.join('\r\n'));
    socket.write('{}' + 'GET /things/open/door HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(most + 100));
    await closed;
    expect((await service.call('/things/open/door')).status).toBe(200);
  });

  it('refuses a large body where others take the memory, and no small one', async () => {
    for (let count = 0; count < 63; count++) hold(1024 * 1024);
    const headers = await issuer.bearer('dev', 'developer');
    const json = { name: 'a'.repeat(20_000), purposes: [] };
    let refused: Response | undefined;
    while (refused?.status !== 503) {
      await refused?.body?.cancel();
      // One that comes while a smaller body is read may be refused in its place: then there is room, and another one takes it.
      hold(1024 * 1024);
      refused = await service.call('/things', { headers, json });
    }
    expect(refused.headers.get('retry-after')).toBe('1');
    await refused.body?.cancel();
    expect((await service.call('/things', { headers, json: { name: 'a', purposes: [] } })).status).toBe(201);
    for (const socket of held) socket.destroy();
    await untilStatus(201, '/things', { headers, json });
  });
});
