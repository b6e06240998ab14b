import { once } from 'node:events';
import { connect } from 'node:net';
import { Upstream } from '../../apps/gateway/src/ask-upstream/upstream.js';
import { counting, GatewayInProcess } from './gateway-in-process.js';
import { type Guarded, guardedServers, own, roomy } from './guarded-servers.js';

/** Requests that two readers could take differently, byte by byte: none of them reaches the FHIR server. */
describe.each(guardedServers)('what a router could be talked into, before %s', (_name, listen) => {
  let guarded: Guarded;
  let upstream: Upstream;
  let gateway: GatewayInProcess;
  /** How often the FHIR server was asked. */
  let requests = 0;

  beforeAll(async () => {
    guarded = await listen();
    upstream = new Upstream({ baseUrl: guarded.base, timeoutMs: 5_000, maxBytes: 10_000_000, ...roomy });
    gateway = new GatewayInProcess(counting(upstream, () => requests++));
    await gateway.start();
    // Makes the token that raw requests come with.
    await gateway.call(own, '/Patient/patient-01');
  });
  afterAll(async () => {
    await Promise.all([gateway.close(), upstream.close()]);
    await guarded.close();
  });

  /** The statuses of all answers to some bytes, until the connection ends. */
  const statuses = async (bytes: string): Promise<readonly number[]> => {
    const socket = connect(gateway.port, '127.0.0.1');
    let text = '';
    socket.setEncoding('utf8').on('data', (piece: string) => (text += piece));
    socket.write(bytes);
    await once(socket, 'close');
    return [...text.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => Number(status));
  };
  const request = (target: string, more = '', method = 'GET') =>
    `${method} ${target} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer abc\r\nConnection: close\r\n${more}\r\n`;
  const asked = () => requests;

  /** Refused, and not a byte of it goes further. */
  async function expectRefused(bytes: string, status: readonly number[]): Promise<void> {
    const before = asked();
    const answered = await statuses(bytes);
    expect(answered).toHaveLength(1);
    expect(status).toContain(answered[0]);
    expect(asked()).toBe(before);
  }

  test('a request as it should be passes', async () => {
    const before = asked();
    expect(await statuses(request('/fhir/Patient/patient-01'))).toEqual([200]);
    expect(asked()).toBe(before + 1);
  });

  test.each([
    ['an encoded slash', '/fhir/Patient%2Fpatient-01'],
    ['an encoded letter', '/fhir/%50atient/patient-01'],
    ['an encoded slash, encoded twice', '/fhir/Patient%252Fpatient-01'],
    ['dots, encoded twice', '/fhir/%252e%252e/Patient/patient-01'],
    ['a parameter of the path', '/fhir/Patient;v=1/patient-01'],
    ['a parameter of the path at its end', '/fhir/Patient/patient-01;.json'],
    ['a segment of dots', '/fhir/Patient/../Patient/patient-01'],
    ['dots at the end', '/fhir/Patient/patient-01/..'],
    ['one dot at the end', '/fhir/Patient/patient-01/.'],
    ['a backslash', '/fhir/Patient\\patient-01'],
    ['a slash too many', '/fhir//Patient/patient-01'],
    ['a slash at the end', '/fhir/Patient/patient-01/'],
    ['a null byte', '/fhir/Patient/patient-01%00'],
    ['an overlong encoding', '/fhir/Patient/patient-01%c0%af'],
    ['a parameter twice, of which one counts', '/fhir/Patient?_count=1&_count=2'],
    ['a format twice', '/fhir/Patient?_format=json&_format=xml'],
    ['a parameter behind a semicolon', '/fhir/Patient?_id=patient-01;_id=patient-02'],
    ['a parameter without a name', '/fhir/Patient?=patient-01'],
    ['broken encoding in a parameter', '/fhir/Patient?_id=%E0%A4'],
    ['a method in a parameter', '/fhir/Patient/patient-01?_method=DELETE'],
  ])('%s: %s', async (_what, target) => {
    await expectRefused(request(target), [403]);
  });

  test.each(['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override'])(
    'a header that would change the method: %s',
    async (name) => {
      await expectRefused(request('/fhir/Patient/patient-01', `${name}: DELETE\r\n`), [403]);
    },
  );

  test.each([
    'http://hostile.internal/fhir/Patient/patient-01',
    'http://gateway/fhir/Patient/patient-01',
    '//fhir/Patient',
    '/FHIR/Patient/patient-01',
    '*',
  ])('a target that is not below the mount, written exactly so: %s', async (target) => {
    await expectRefused(request(target, '', target === '*' ? 'OPTIONS' : 'GET'), [404]);
  });

  test.each([
    ['two lengths', 'Content-Length: 0\r\nContent-Length: 44\r\n'],
    ['a length and chunks', 'Content-Length: 4\r\nTransfer-Encoding: chunked\r\n'],
    ['chunks that are not', 'Transfer-Encoding: xchunked\r\n'],
    ['chunks, and something else', 'Transfer-Encoding: chunked, identity\r\n'],
    ['a length that is none', 'Content-Length: +4\r\n'],
    ['a header that goes on in the next line', 'X-A: b\r\n Content-Length: 4\r\n'],
    ['a space before the colon', 'Content-Length : 4\r\n'],
    ['a header without a name', ': x\r\n'],
    ['two hosts', 'Host: other\r\n'],
  ])('smuggling by %s: no second request is read out of the first', async (_what, headers) => {
    const hidden = request('/fhir/Observation?_count=1');
    const before = asked();
    const answered = await statuses(
      `POST /fhir/Observation HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer abc\r\n${headers}\r\n0\r\n\r\n${hidden}`,
    );
    expect(answered).toEqual([400]);
    expect(asked()).toBe(before);
  });
});
