import {
  rawRequest,
  startTestService,
  testIssuer,
  type TestIssuer,
  type TestService,
  things,
  ThingsModule,
} from '#testing';
import type { OpenAPIObject } from '@nestjs/swagger';
import type { Problem } from '../problem/problem.js';
import { review } from '#contracts';
import { provideActivity, provideCommands } from '../log/log-providers.js';
import { isolate, type Isolation } from '../../../../test/environment/isolation.js';

const id = '01890000-0000-7000-8000-000000000001';

describe('a service', () => {
  let own: Isolation;
  let issuer: TestIssuer;
  let service: TestService;

  beforeAll(async () => {
    [own, issuer] = await Promise.all([isolate(), testIssuer()]);
    service = await startTestService(things, { databaseUrl: own.databaseUrl, issuer });
  }, 30_000);

  afterAll(async () => {
    await service.close();
    await Promise.all([own.dispose(), issuer.close()]);
  });

  const developer = () => issuer.bearer('dev', 'developer');
  const operator = () => issuer.bearer('op', 'operator');

  describe('answers by the conventions of the API', () => {
    it('a creation: Location, ETag, position, and what the request carried', async () => {
      const headers = {
        ...(await developer()),
        'idempotency-key': 'k 1',
        'if-match': '"4"',
        'x-correlation-id': 'c-1',
      };
      const response = await service.call('/things', { headers, json: { name: 'a', purposes: [{ code: 'TREAT' }] } });
      expect(response.status).toBe(201);
      expect(Object.fromEntries(response.headers)).toMatchObject({
        location: '/things/1',
        etag: '"1"',
        'gatehouse-position': 't:2:3',
        'x-correlation-id': 'c-1',
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-store',
      });
      expect(response.headers.has('x-powered-by')).toBe(false);
      expect(await response.json()).toMatchObject({
        name: 'a',
        command: {
          idempotencyKey: 'k 1',
          expectedVersion: 4,
          correlationId: 'c-1',
          method: 'POST',
          path: '/things',
          caller: { subject: 'dev', roles: ['developer'], email: 'dev@example.org' },
        },
      });
    });

    it('a resource: its ETag; HEAD as well', async () => {
      const headers = await operator();
      const [get, head] = await Promise.all([
        service.call(`/things/${id}`, { headers }),
        service.call(`/things/${id}`, { headers, method: 'HEAD' }),
      ]);
      expect([get.status, get.headers.get('etag')]).toEqual([200, '"7"']);
      expect([head.status, head.headers.get('etag'), await head.text()]).toEqual([200, '"7"', '']);
    });

    it('no outcome in time: 202 and where to ask', async () => {
      const response = await service.call(`/things/${id}/naming`, { headers: await operator(), json: { times: 1 } });
      expect([response.status, response.headers.get('location'), await response.json()]).toEqual([
        202,
        '/things/commands/abc',
        { id: 'abc', status: 'pending' },
      ]);
    });

    it('a list: what was asked, and the positions that it must have reached', async () => {
      const response = await service.call(`/things?limit=3`, {
        headers: {
          ...(await developer()),
          'gatehouse-position': 'gatehouse.approval.events:1:2, gatehouse.activity:3:004',
        },
      });
      expect(await response.json()).toEqual({
        items: [],
        query: { limit: 3 },
        seen: ['gatehouse.approval.events:1:2', 'gatehouse.activity:3:4'],
      });
    });

    it('takes the trace id as correlation id, and makes one where none fits', async () => {
      const trace = '0af7651916cd43dd8448eb211c80319c';
      const traced = await service.call('/things/open/door', {
        headers: { traceparent: `00-${trace}-b7ad6b7169203331-01` },
      });
      const foreign = await service.call('/things/open/door', {
        headers: { 'x-correlation-id': 'has spaces <script>' },
      });
      expect(traced.headers.get('x-correlation-id')).toBe(trace);
      expect(foreign.headers.get('x-correlation-id')).toMatch(/^[0-9a-f-]{36}$/);
    });
  });

  describe('a route that is answered before the router', () => {
    /** In chunks it goes through the router; what is new at every request is left out. */
    async function ask(body: string, headers: Readonly<Record<string, string>>, isInChunks: boolean) {
      const response = await service.call('/oauth/counts', {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-correlation-id': 'c-1', ...headers },
        body: isInChunks ? new Blob([body]).stream() : body,
        ...(isInChunks ? { duplex: 'half' } : {}),
      });
      // Fastify closes a connection of which it could not read a body, although all of it came.
      const own = ['date', 'connection', 'keep-alive'];
      const told = [...response.headers].filter(([name]) => !own.includes(name)).sort();
      return { status: response.status, headers: told, text: await response.text() };
    }
    const trace = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };

    it.each<[string, number, string, () => Promise<Readonly<Record<string, string>>>]>([
      ['a list', 200, '[1]', operator],
      ['a list within a trace', 200, '[1]', async () => ({ ...(await operator()), ...trace })],
      ['another media type', 415, '[1]', async () => ({ ...(await operator()), 'content-type': 'application/x+json' })],
      ['no list', 400, '{"a":1}', operator],
      ['half of one', 400, '[1', operator],
      ['a key that poisons', 400, '[{"__proto__":{"a":1}}]', operator],
      ['another one', 400, '[{"constructor":{"prototype":1}}]', operator],
      ['a NUL', 400, '["\\u0000"]', operator],
      ['what is nested too deep', 400, '['.repeat(80) + ']'.repeat(80), operator],
      ['nobody', 401, '[1]', async () => ({})],
      ['nobody, with half a list', 400, '[1', async () => ({})],
      ['a token that is none', 401, '[1]', async () => ({ authorization: 'Bearer x.y.z' })],
      ['another role', 403, '[1]', developer],
      ['what cannot be done now', 503, '[1,2]', operator],
      ['what fails', 500, '[1,2,3]', operator],
    ])('is answered as by it: %s', async (_what, status, body, headers) => {
      const own = await headers();
      const [directly, byRouter] = [await ask(body, own, false), await ask(body, own, true)];
      expect(directly).toEqual(byRouter);
      expect(directly.status).toBe(status);
      expect(directly.text).not.toContain('swordfish');
    });

    it('is the router’s where the request is not ordinary', async () => {
      const headers = { ...(await operator()), 'content-type': 'application/json' };
      const status = async (path: string, init: RequestInit) => (await service.call(path, { headers, ...init })).status;
      expect(await status('/oauth/counts', { method: 'GET' })).toBe(405);
      expect(await status('/oauth/counts?x=1', { method: 'POST', body: '[1]' })).toBe(200);
      expect(await status('/oauth/counts/', { method: 'POST', body: '[1]' })).toBe(404);
      expect(await status('/oauth/count%73', { method: 'POST', body: '[1]' })).toBe(200);
      expect(await status('/oauth/counts', { method: 'POST', body: `[1${' '.repeat(70_000)}]` })).toBe(200);
      expect(await status('/oauth/counts', { method: 'POST', body: `[1${' '.repeat(1_100_000)}]` })).toBe(413);
    });

    it('is counted under its own name', async () => {
      await ask('[1]', await operator(), false);
      const metrics = await (await service.call('/metrics')).text();
      expect(metrics).toMatch(/route="\/oauth\/counts"/);
    });
  });

  describe('refuses with a problem document', () => {
    async function problem(response: Response) {
      expect(response.headers.get('content-type')).toBe('application/problem+json');
      const body = (await response.json()) as Required<Problem>;
      expect(body.status).toBe(response.status);
      expect(body.instance).toBe(`urn:gatehouse:request:${response.headers.get('x-correlation-id')}`);
      return body;
    }

    it('400: every field at fault, by pointer, nested ones and unknown ones too', async () => {
      const json = { name: 5, purposes: [{ code: 'TREAT' }, { code: 'SPY', 'a/b~c': 1 }], extra: true };
      const body = await problem(await service.call('/things', { headers: await developer(), json }));
      expect(body.type).toBe('urn:gatehouse:problem:malformed');
      expect(body.errors).toEqual(
        expect.arrayContaining([
          { pointer: '/extra', detail: 'is not a field of this resource' },
          { pointer: '/name', detail: 'must be a string' },
          { pointer: '/purposes/1/code', detail: expect.stringContaining('must be one of') },
          { pointer: '/purposes/1/a~1b~0c', detail: 'is not a field of this resource' },
        ]),
      );
      expect(body.errors).toHaveLength(4);
    });

    it.each([
      ['[]'],
      ['"x"'],
      ['null'],
      ['5'],
      ['{"name": "a"'],
      ['{"__proto__": {"name": "a"}}'],
      ['{"constructor": {"prototype": 1}}'],
      [''],
    ])('400: the body %s', async (body) => {
      const response = await service.call('/things', {
        method: 'POST',
        headers: { ...(await developer()), 'content-type': 'application/json' },
        body,
      });
      expect(response.status).toBe(400);
      await problem(response);
    });

    it('400: no body at all names the required fields', async () => {
      const body = await problem(await service.call('/things', { method: 'POST', headers: await developer() }));
      expect(body.errors.map((error) => error.pointer)).toEqual(expect.arrayContaining(['/name', '/purposes']));
    });

    it.each([
      ['/things?limit=0', '/limit'],
      ['/things?limit=201', '/limit'],
      ['/things?limit=abc', '/limit'],
      ['/things?limit=1&limit=2', '/limit'],
      ['/things?colour=green', '/colour'],
      ['/things?other=1', '/other'],
      ['/things?cursor=@@@', '/cursor'],
      [`/things?cursor=${Buffer.from('["a"]').toString('base64url')}`, '/cursor'],
      [`/things?cursor=${Buffer.from('{}').toString('base64url')}`, '/cursor'],
      ['/things?colour=%00', '/colour'],
    ])('400: the query of %s', async (path, pointer) => {
      const response = await service.call(path, { headers: await developer() });
      expect(response.status).toBe(400);
      expect((await problem(response)).errors[0]?.pointer).toBe(pointer);
    });

    it('400: a NUL inside the body', async () => {
      const body = await problem(
        await service.call('/things', {
          headers: await developer(),
          json: { name: 'a', purposes: [{ code: 'TREAT', justification: 'a\u0000b' }] },
        }),
      );
      expect(body.errors).toEqual([{ pointer: '/purposes/0/justification', detail: 'must not contain U+0000' }]);
    });

    it('400: a body nested deeper than a stack follows', async () => {
      const response = await service.call('/things', {
        method: 'POST',
        headers: { ...(await developer()), 'content-type': 'application/json' },
        body: `{"name":${'['.repeat(20_000)}${']'.repeat(20_000)}}`,
      });
      expect((await problem(response)).errors[0]?.detail).toBe('must not be nested deeper than 64 levels');
    });

    it.each([
      ['idempotency-key', 'x'.repeat(256)],
      ['idempotency-key', 'caf\u00e9'],
      ['if-match', '4'],
      ['if-match', 'W/"4"'],
      ['if-match', '"1", "2"'],
      ['gatehouse-position', 'topic:1'],
      ['gatehouse-position', 'gatehouse.approval.events:-1:2'],
      ['gatehouse-position', 'gatehouse.approval.events:8:2'],
      ['gatehouse-position', 'gatehouse.nowhere.events:0:2'],
    ])('400: the header %s: %s', async (name, value) => {
      const headers = { ...(await developer()), [name]: value };
      const response =
        name === 'gatehouse-position'
          ? await service.call('/things', { headers })
          : await service.call('/things', { headers, json: { name: 'a', purposes: [] } });
      expect(response.status).toBe(400);
      await problem(response);
    });

    it.each([['/%'], ['/things/%c3%28'], ['/things/%zz']])('400: the URL %s', async (path) => {
      const response = await rawRequest(service.url, 'GET', path);
      expect(response).toMatch(/^HTTP\/1.1 (400|404) /);
      expect(response).toContain('application/problem+json');
    });

    it('404: a path that is not there, and an id that is none', async () => {
      await expect(service.call('/nothing/here').then(problem)).resolves.toMatchObject({
        status: 404,
        type: 'urn:gatehouse:problem:not-found',
      });
      await expect(
        service.call('/things/not-a-uuid', { headers: await operator() }).then(problem),
      ).resolves.toMatchObject({ status: 404 });
    });

    it('405: with what is allowed', async () => {
      const response = await service.call('/things', { method: 'DELETE' });
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD, POST']);
      await problem(response);
    });

    it('413: a body over the limit', async () => {
      const response = await service.call('/things', {
        headers: await developer(),
        json: { name: 'a'.repeat(1024 * 1024) },
      });
      expect(response.status).toBe(413);
      await problem(response);
    });

    it.each([
      ['text/plain'],
      ['application/xml'],
      ['multipart/form-data; boundary=x'],
      ['application/x-www-form-urlencoded'],
    ])('415: a body of %s', async (type) => {
      const response = await service.call('/things', {
        method: 'POST',
        headers: { ...(await developer()), 'content-type': type },
        body: 'name=a',
      });
      expect(response.status).toBe(415);
      await problem(response);
    });

    it('422: what a decider refused, field by field', async () => {
      const body = await problem(
        await service.call(`/things/${id}/naming`, { headers: await operator(), json: { times: 10 } }),
      );
      expect(body).toMatchObject({
        status: 422,
        type: 'urn:gatehouse:problem:too-many-names',
        errors: [{ pointer: '/times', detail: 'at most 9' }],
      });
    });

    it('431: headers that are too large', async () => {
      const response = await rawRequest(service.url, 'GET', '/things', `X-Large: ${'a'.repeat(20_000)}\r\n`);
      expect(response).toMatch(/^HTTP\/1.1 431 /);
      expect(response).toContain('application/problem+json');
    });

    it('500: that leaks nothing', async () => {
      const response = await service.call(`/things/${id}/naming`, { headers: await operator(), json: { times: 9 } });
      const text = await response.clone().text();
      expect(response.status).toBe(500);
      expect(text).not.toContain('swordfish');
      await problem(response);
    });
  });

  describe('tells operators and machines about itself', () => {
    it('is alive and ready', async () => {
      expect((await service.call('/health/live')).status).toBe(200);
      const ready = await service.call('/health/ready');
      expect(await ready.json()).toEqual({ status: 'ready', checks: { database: { status: 'up' } } });
    });

    it('counts responses by route template and class of status', async () => {
      await service.call('/things/open/door');
      const text = await (await service.call('/metrics')).text();
      expect(text).toMatch(
        /gatehouse_http_request_duration_seconds_count\{method="GET",route="\/things\/open\/door",status="2xx"\} \d+/,
      );
      expect(text).toContain('process_cpu_seconds_total');
      expect(text).not.toContain(id);
    });

    it('documents what it validates', async () => {
      const document = (await (await service.call('/docs/openapi.json')).json()) as OpenAPIObject;
      expect(document.openapi).toBe('3.1.0');
      expect(document.components?.schemas?.['NewThing']).toEqual({
        type: 'object',
        additionalProperties: false,
        required: ['name', 'purposes'],
        properties: {
          name: { type: 'string' },
          purposes: { type: 'array', items: { $ref: '#/components/schemas/Purpose' } },
        },
      });
      expect(document.components?.schemas?.['Purpose']).toMatchObject({
        required: ['code'],
        properties: { code: { type: 'string', enum: ['TREAT', 'HRESCH'] }, justification: { type: 'string' } },
      });
      const { get, post } = document.paths['/things'] ?? {};
      expect(get?.parameters?.map((parameter) => ('name' in parameter ? parameter.name : '')).sort()).toEqual([
        'Gatehouse-Position',
        'colour',
        'cursor',
        'limit',
      ]);
      expect(Object.keys(post?.responses ?? {}).sort()).toEqual([
        '201',
        '202',
        '400',
        '401',
        '403',
        '404',
        '409',
        '413',
        '415',
        '422',
        '500',
        '503',
      ]);
      expect(post?.security).toEqual([{ identity: [] }]);
    });

    it('serves the AsyncAPI document of the topics that its parts use, and none where no part uses one', async () => {
      const none = await service.call('/docs/asyncapi.json');
      expect([none.status, none.headers.get('content-type')]).toEqual([404, 'application/problem+json']);
      const module = { module: ThingsModule, providers: [...provideCommands(review), ...provideActivity()] };
      const talking = await startTestService(
        { ...things, module: () => module },
        { databaseUrl: own.databaseUrl, issuer, environment: { KAFKA_TOPIC_PREFIX: own.prefix } },
      );
      try {
        expect(await (await talking.call('/docs/asyncapi.json')).json()).toMatchObject({
          asyncapi: '3.0.0',
          info: { title: 'Gatehouse: things' },
          channels: { 'review.commands': { address: `${own.prefix}gatehouse.review.commands` } },
          operations: {
            'send.review.commands': { action: 'send' },
            'receive.review.outcomes': { action: 'receive' },
            'send.activity': { action: 'send' },
          },
        });
      } finally {
        await talking.close();
      }
    });

    it('serves a page of its documents with nothing from elsewhere', async () => {
      const page = await service.call('/docs');
      const html = await page.text();
      expect(page.status).toBe(200);
      expect(page.headers.get('content-security-policy')).toContain("script-src 'self'");
      expect(html).not.toMatch(/(src|href)="https?:/);
      const parts = [...html.matchAll(/(?:src|href)="\.(\/docs\/[^"]+)"/g)].map(([, path = '']) => path);
      expect(parts).toHaveLength(4);
      for (const part of parts) expect([part, (await service.call(part)).status]).toEqual([part, 200]);
      const slash = await service.call('/docs/', { redirect: 'manual' });
      expect([slash.status, slash.headers.get('location')]).toEqual([302, '../docs']);
    });
  });
});
