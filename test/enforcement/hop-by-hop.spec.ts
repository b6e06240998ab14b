import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, request, type Server } from 'node:http';
import { text } from 'node:stream/consumers';
import { Upstream } from '../../apps/gateway/src/ask-upstream/upstream.js';
import { GatewayInProcess } from './gateway-in-process.js';
import { type Guarded, guardedServers, own, roomy } from './guarded-servers.js';

const json = 'application/fhir+json';
const mine = 'Observation/observation-01-laboratory';
/** What counts for one connection alone (RFC 9110, 7.6.1), what `Connection` names, and what is for a proxy. */
const hops = {
  'keep-alive': 'timeout=600',
  te: 'trailers',
  upgrade: 'h2c',
  'proxy-connection': 'keep-alive',
  'proxy-authorization': 'Basic c2VjcmV0',
  'x-foo': 'for this hop',
  'x-other': 'not named',
  via: '1.1 elsewhere',
  forwarded: 'for=10.0.0.1',
};
const answeredHops = {
  'x-bar': 'for this hop',
  'x-baz': 'not named',
  'proxy-authenticate': 'Basic realm="server"',
  upgrade: 'h2c',
  via: '1.1 server',
};
const untilMs = Date.now() + 3_600_000;

describe.each(guardedServers)('headers of one hop, before %s', (_name, listen) => {
  let guarded: Guarded;
  let relay: Server;
  let upstream: Upstream;
  let gateway: GatewayInProcess;
  let observing: GatewayInProcess;
  /** What the server was sent. */
  const reached: IncomingHttpHeaders[] = [];

  beforeAll(async () => {
    guarded = await listen();
    const { hostname, port } = new URL(guarded.base);
    // What stands before the server adds its own to what that answers.
    relay = createServer((inward, answer) => {
      reached.push(inward.headers);
      const { method, url: path, headers } = inward;
      const outward = request({ hostname, port, method, path, headers }, (answered) => {
        answer.writeHead(answered.statusCode ?? 0, {
          ...answered.headers,
          ...answeredHops,
          connection: 'x-bar, upgrade, keep-alive',
        });
        answered.pipe(answer);
      });
      inward.pipe(outward);
    }).listen(0, '127.0.0.1');
    await once(relay, 'listening');
    const address = relay.address();
    const baseUrl = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/fhir`;
    upstream = new Upstream({ baseUrl, timeoutMs: 5_000, maxBytes: 10_000_000, ...roomy });
    gateway = new GatewayInProcess(upstream);
    const rule = { applications: new Set(['a1']), interactions: new Set(['read', 'update']), untilMs };
    observing = new GatewayInProcess(upstream, [], [rule]);
    await Promise.all([gateway.start(), observing.start()]);
  });
  afterAll(async () => {
    await Promise.all([gateway.close(), observing.close(), upstream.close()]);
    relay.closeAllConnections();
    relay.close();
    await guarded.close();
  });

  async function send(by: GatewayInProcess, method: string, path: string, body?: string) {
    reached.length = 0;
    by.believe(own);
    const headers = { ...hops, authorization: 'Bearer abc', 'content-type': json, connection: 'keep-alive, x-foo, te' };
    const sent = request({ host: '127.0.0.1', port: by.port, method, path: `/fhir/${path}`, headers, agent: false });
    sent.end(body);
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    return { status: response.statusCode, headers: response.headers, text: await text(response) };
  }

  const written = JSON.stringify({
    resourceType: 'Observation',
    id: mine.split('/')[1],
    status: 'amended',
    code: { text: 'x' },
    subject: { reference: 'Patient/patient-01' },
  });

  test.each([
    ['a read', 'GET', mine, undefined],
    ['a search', 'GET', 'Observation?status=final', undefined],
    ['a write', 'PUT', mine, written],
  ])('%s takes none of them there, and brings none back', async (_what, method, path, body) => {
    const { status, headers } = await send(gateway, method, path, body);
    expect(status).toBe(200);
    expect(reached.length).toBeGreaterThan(0);
    for (const each of reached) {
      expect(Object.keys(each).filter((name) => name in hops)).toEqual([]);
      expect(each.connection).toBe('keep-alive');
    }
    expect(Object.keys(headers).filter((name) => name in answeredHops)).toEqual([]);
    expect(headers.connection ?? '').not.toContain('x-bar');
  });

  test.each([
    ['a read', 'GET', mine, undefined],
    ['a write', 'PUT', mine, written],
  ])('nor does %s that is only observed', async (_what, method, path, body) => {
    const { status, headers } = await send(observing, method, path, body);
    expect([status, headers['gatehouse-mode']]).toEqual([200, 'observe']);
    for (const each of reached) expect(Object.keys(each).filter((name) => name in hops)).toEqual([]);
    expect(Object.keys(headers).filter((name) => name in answeredHops)).toEqual([]);
  });
});
