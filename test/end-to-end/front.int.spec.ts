import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import {
  type ClientRequest,
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { freePort } from '#testing';
import { frontedApps } from '../../apps/gatehouse/src/front/app-paths.js';
import { type Front, hasNginx, startFront } from './front.js';

(hasNginx() ? describe : describe.skip)(
  'what one address may have under way at nginx (skipped where there is none)',
  () => {
    let folder: string;
    let app: Server;
    let front: Front;
    let port: number;
    const sent: ClientRequest[] = [];
    /** What has come to the app, each to be answered by a test. */
    const came: ServerResponse[] = [];

    // Anew for each test: nginx counts a request until it has seen its end.
    beforeEach(async () => {
      folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-front-'));
      app = createServer((_request, response) => {
        came.push(response);
        app.emit('came');
      });
      app.listen(0, '127.0.0.1');
      await once(app, 'listening');
      const { port: at } = app.address() as AddressInfo;
      port = await freePort();
      const places = frontedApps.map((each) => ({ app: each, ports: [at] }));
      front = await startFront(places, port, folder, { perAddress: 9 });
    });
    afterEach(async () => {
      for (const asked of sent.splice(0)) asked.destroy();
      came.length = 0;
      await front.stop();
      app.closeAllConnections();
      app.close();
      rmSync(folder, { recursive: true });
    });

    function send(to: string, headers: Readonly<Record<string, string | number>> = {}): ClientRequest {
      const method = Object.keys(headers).length > 0 ? 'POST' : 'GET';
      const asked = request({ host: '127.0.0.1', port, path: to, method, headers, agent: false });
      asked.on('error', () => undefined); // ended at the end of a test
      sent.push(asked);
      return asked;
    }
    /** Resolves when so many have come to the app, which answers none of them. */
    async function held(count: number): Promise<void> {
      while (came.length < count) await once(app, 'came');
    }
    async function answerOf(asked: ClientRequest): Promise<readonly unknown[]> {
      const [response] = (await once(asked.end(), 'response')) as [IncomingMessage];
      const { statusCode, headers } = response;
      const body: unknown = JSON.parse(await text(response));
      return [statusCode, headers['retry-after'], headers['content-type'], body];
    }

    it('is not more than it is told, and what is more is refused in the form of whom it asked', async () => {
      for (let each = 0; each < 9; each++) send('/fhir/Patient/1').end();
      await held(9);
      const detail = 'So many requests of one address are not taken on at once. Nothing was done.';
      const fhir = {
        resourceType: 'OperationOutcome',
        issue: [{ severity: 'error', code: 'throttled', diagnostics: detail }],
      };
      expect(await answerOf(send('/fhir/Patient/2'))).toEqual([429, '1', 'application/fhir+json', fhir]);
      const problem = {
        type: 'urn:gatehouse:problem:too-many-requests',
        title: 'Too Many Requests',
        status: 429,
        detail,
      };
      expect(await answerOf(send('/registration/applications'))).toEqual([
        429,
        '1',
        'application/problem+json',
        problem,
      ]);
      const [first] = came;
      first?.setHeader('content-type', 'application/json').end('{}');
      const [answered] = sent;
      await once(answered ?? app, 'close');
      send('/fhir/Patient/3').end();
      await held(10);
    });

    it('is fewer with large bodies, whether they say how large or come in chunks; small ones go on', async () => {
      send('/registration/applications', { 'transfer-encoding': 'chunked' }).flushHeaders();
      send('/oauth/register', { 'content-length': 100_000 }).flushHeaders();
      await held(2);
      const [status] = await answerOf(send('/approval/reviews', { 'transfer-encoding': 'chunked' }));
      expect(status).toBe(429);
      send('/oauth/token', { 'content-length': 99_999 }).flushHeaders();
      await held(3);
    });
  },
);
