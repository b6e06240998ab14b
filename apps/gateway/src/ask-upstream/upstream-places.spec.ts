import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AskedFor } from './asked-for.js';
import { BodyMemory } from './body-memory.js';
import { Upstream } from './upstream.js';
import { UpstreamFailed } from './upstream-failed.js';

/** A server whose answers begin, and do not end: large resources, and files of exports. */
describe('what goes on as fast as it is taken', () => {
  let server: Server;
  let upstream: Upstream;
  const open: ServerResponse[] = [];
  const one = { total: 1, perApplication: 1, waitingPerApplication: 4, waitingMs: 20 };

  beforeEach(async () => {
    server = createServer(({ url = '' }, response) => {
      open.push(response);
      const isFile = url.endsWith('/file');
      response.writeHead(200, { 'content-type': isFile ? 'application/fhir+ndjson' : 'application/fhir+json' });
      response.write(
        isFile ? '{"resourceType":"Observation"}\n' : `{"resourceType":"Binary","data":"${'A'.repeat(300_000)}`,
      );
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    upstream = new Upstream({
      baseUrl: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/fhir`,
      timeoutMs: 20_000,
      maxBytes: 1_000_000,
      slots: { total: 8, perApplication: 8, waitingPerApplication: 8 },
      passing: one,
      files: one,
      breakMs: 60_000,
    });
  });
  afterEach(async () => {
    await upstream.close();
    for (const response of open.splice(0)) response.destroy();
    server.close();
    await once(server, 'close');
  });

  const by = (applicationId: string, signal = new AbortController().signal): AskedFor => ({
    applicationId,
    purposesOfUse: [],
    signal,
    isAllowed: () => true,
    memory: new BodyMemory(1_000_000).lease(),
  });
  const large = async (applicationId: string) => {
    const answer = await upstream.read({ method: 'GET', target: '/Binary/b1' }, by(applicationId), () => true);
    if (!('rest' in answer)) throw new Error('it was held');
    return answer.rest;
  };
  const file = async (applicationId: string) => {
    const pieces = upstream.file('/file', by(applicationId));
    await pieces.next();
    return pieces;
  };
  const toldTo = async (asking: Promise<unknown>) => {
    const failure: unknown = await asking.catch((error: unknown) => error);
    return failure instanceof UpstreamFailed ? failure.answer : failure;
  };
  const comeAgain = { status: 503, headers: { 'Retry-After': expect.stringMatching(/^\d+$/) as string } };

  test('who waits too long for a place is told to come again; the place goes to the next', async () => {
    const first = await large('a1');
    expect(await toldTo(large('a2'))).toMatchObject(comeAgain);
    first.destroy();
    await once(first, 'close');
    (await large('a3')).destroy();
    const begun = await file('a1');
    expect(await toldTo(file('a2'))).toMatchObject(comeAgain);
    await begun.return();
    await (await file('a3')).return();
  });

  test('files of exports and large answers have places of their own', async () => {
    const rest = await large('a1');
    const pieces = await file('a2');
    expect(await toldTo(large('a3'))).toMatchObject({ status: 503 });
    expect(await toldTo(file('a3'))).toMatchObject({ status: 503 });
    await pieces.return();
    rest.destroy();
  });
});
