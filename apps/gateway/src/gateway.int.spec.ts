import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type ActivityEntry, approval, mintId, parsePosition, registration } from '#contracts';
import {
  freePort,
  LogSeed,
  startTestService,
  testIssuer,
  type TestIssuer,
  type TestService,
  followActivity,
  quietLog,
  type FollowedActivity,
} from '#testing';
import { isolate, type Isolation } from '../../../test/environment/isolation.js';
import { gateway } from './gateway.part.js';

const application = mintId(3);
const other = mintId(4);
const ofPatients = mintId(5);
const day = 86_400_000;

/** A FHIR server that answers too much: a search brings a type that nobody asked for, errors tell what they know. */
class TinyUpstream {
  readonly requests: { readonly url: string; readonly headers: Readonly<Record<string, unknown>> }[] = [];
  /** When set, answers wait for it. */
  hold: Promise<void> | undefined;
  base = '';
  readonly #server: Server = createServer((request, response) => {
    this.requests.push({ url: request.url ?? '', headers: request.headers });
    void (this.hold ?? Promise.resolve()).then(() => {
      const [status, body] = this.#answer(request.url ?? '');
      response
        .writeHead(status, { 'content-type': 'application/fhir+json', etag: 'W/"1"', 'set-cookie': 'a=b' })
        .end(JSON.stringify(body));
    });
  });

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (typeof address !== 'object' || !address) throw new Error('not listening');
    this.base = `http://127.0.0.1:${address.port}/fhir`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #answer(url: string): [number, unknown] {
    const observation = { resourceType: 'Observation', id: 'o1', subject: { reference: `${this.base}/Patient/p1` } };
    if (url === '/fhir/Observation/o1') return [200, observation];
    if (url.startsWith('/fhir/Observation?')) {
      const entry = [
        { fullUrl: `${this.base}/Observation/o1`, resource: observation, search: { mode: 'match' } },
        {
          fullUrl: `${this.base}/Patient/p1`,
          resource: { resourceType: 'Patient', id: 'p1' },
          search: { mode: 'include' },
        },
      ];
      return [
        200,
        {
          resourceType: 'Bundle',
          type: 'searchset',
          total: 1,
          link: [{ relation: 'self', url: this.base + url.slice(5) }],
          entry,
        },
      ];
    }
    if (url === '/fhir/Observation/mixed-up') return [200, { ...observation, id: 'somebody-elses' }];
    return [404, { resourceType: 'OperationOutcome', issue: [{ diagnostics: 'HAPI-2001: java.lang' }] }];
  }
}

describe('the gateway', () => {
  const upstream = new TinyUpstream();
  let own: Isolation;
  let issuer: TestIssuer;
  let service: TestService;
  let seed: LogSeed;
  let publicUrl: string;
  let activity: FollowedActivity;

  beforeAll(async () => {
    const [isolation, port] = await Promise.all([isolate(), freePort(), upstream.start()]);
    publicUrl = `http://127.0.0.1:${port}`;
    own = isolation;
    issuer = await testIssuer(0, `${publicUrl}/fhir`);
    const settings = quietLog(own);
    seed = new LogSeed(settings);
    service = await startTestService(gateway, {
      databaseUrl: own.databaseUrl,
      issuer,
      environment: {
        KAFKA_BROKERS: own.brokers,
        KAFKA_TOPIC_PREFIX: own.prefix,
        PORT: String(port),
        IDENTITY_AUDIENCE: 'gatehouse',
        FHIR_UPSTREAM_URL: upstream.base,
        GATEWAY_JWKS_URL: `${issuer.issuer}/jwks`,
      },
    });
    activity = await followActivity(settings);
    await openAccess(application, 'client-1');
    await openAccess(other, 'client-2');
    await openAccess(ofPatients, 'client-3', ['patient/*.rs'], ['https://app.example.org']);
  }, 90_000);

  afterAll(async () => {
    await activity.close();
    await service.close();
    await seed.close();
    await Promise.all([own.dispose(), issuer.close(), upstream.close()]);
  }, 30_000);

  const by = (subject: string) => ({ subject, actor: 'someone', time: new Date().toISOString() });

  async function openAccess(
    subject: string,
    clientId: string,
    scopes = ['system/Observation.rs'],
    allowedOrigins: string[] = [],
  ): Promise<void> {
    const reviewed = {
      name: 'Lab viewer',
      kind: 'backend' as const,
      clientType: 'confidential-asymmetric' as const,
      scopes: ['system/Observation.rs', 'system/Patient.rs', 'patient/*.rs'],
      purposesOfUse: [{ code: 'TREAT', justification: 'shows results' }],
      redirectUris: [],
      allowedOrigins,
    };
    const approved = {
      approvalVersion: 1,
      submission: 1,
      scopes,
      expiresAt: new Date(Date.now() + day).toISOString(),
    };
    const other = { description: '', attestations: [], documents: [] };
    await seed.event(
      approval,
      {
        type: 'review-approved',
        data: { ...approved, reviewId: mintId(3), reviewerIds: ['r'], conditions: [], endpoints: ['*'], reason: 'ok' },
      },
      by(subject),
    );
    await seed.event(
      registration,
      { type: 'application-registered', data: { clientId, ownerId: 'owner', reviewed, other, keys: [] } },
      by(subject),
    );
    await seed.event(
      registration,
      { type: 'application-submitted', data: { submission: 1, ownerId: 'owner', reviewed } },
      by(subject),
    );
    await seed.event(
      registration,
      { type: 'review-applied', data: { reviewId: mintId(3), submission: 1, verdict: 'approved', reason: 'ok' } },
      by(subject),
    );
    await settled(
      await seed.event(registration, { type: 'approval-applied', data: { ...approved, expired: false } }, by(subject)),
      subject,
    );
  }

  /** Waits until the gateway has applied what stands at a position; gives what it shows of the application. */
  async function settled(
    position: { readonly topic: string; readonly partition: number; readonly offset: bigint },
    subject: string,
  ): Promise<Response> {
    const identity = await testIdentity();
    return await service.call(`/access/applications/${subject}`, {
      headers: { ...identity, 'gatehouse-position': `${position.topic}:${position.partition}:${position.offset}` },
    });
  }

  const testIdentity = async (sub = 'op', role = 'operator') => ({
    authorization: `Bearer ${await issuer.token({ sub, aud: 'gatehouse', roles: [role] })}`,
  });

  const token = (claims: Record<string, unknown> = {}, header = {}) =>
    issuer.token(
      {
        iss: publicUrl,
        sub: 'client-1',
        client_id: 'client-1',
        jti: 'token-1',
        scope: 'system/Observation.rs system/Patient.rs',
        gatehouse_application: application,
        gatehouse_approval_version: 1,
        gatehouse_epoch: 0,
        gatehouse_key: 'thumb-1',
        ...claims,
      },
      header,
    );

  async function call(
    path: string,
    claims: Record<string, unknown> = {},
    headers: Record<string, string> = {},
  ): Promise<Response> {
    return await service.call(`/fhir${path}`, {
      headers: { authorization: `Bearer ${await token(claims)}`, ...headers },
    });
  }

  /** The records of the call whose answer this is: its decision, and what became of it. */
  async function recordsOf(response: Response): Promise<readonly ActivityEntry[]> {
    const position = parsePosition(response.headers.get('gatehouse-position') ?? '');
    if (!position) throw new Error(`no position of an audit record in an answer ${response.status}`);
    await activity.until(
      new Map([
        [
          position.topic,
          Array.from({ length: 8 }, (_, partition) => (partition === position.partition ? position.offset + 1n : 0n)),
        ],
      ]),
    );
    return activity.records;
  }

  test('lets a call in and has recorded it before the answer', async () => {
    const response = await call(
      '/Observation/o1',
      { jti: 'token-allowed' },
      { 'x-identity': 'forged', cookie: 'c=d', 'if-none-match': 'W/"0"' },
    );
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^application\/fhir\+json/);
    expect(response.headers.get('etag')).toBe('W/"1"');
    expect(response.headers.get('set-cookie')).toBeNull();
    expect(await response.json()).toEqual({
      resourceType: 'Observation',
      id: 'o1',
      subject: { reference: `${publicUrl}/fhir/Patient/p1` },
    });

    expect(await recordsOf(response)).toContainEqual(
      expect.objectContaining({
        type: 'access-allowed',
        data: expect.objectContaining({
          clientId: 'client-1',
          tokenId: 'token-allowed',
          interaction: 'read',
          resourceType: 'Observation',
          resourceId: 'o1',
          scope: 'system/Observation.rs',
          approvalVersion: 1,
        }),
        meta: expect.objectContaining({ subject: application, actor: 'client:client-1' }),
      }),
    );
    const [sent] = upstream.requests.filter(({ url }) => url === '/fhir/Observation/o1');
    for (const name of ['authorization', 'x-identity', 'cookie', 'if-none-match', 'x-forwarded-for'])
      expect(sent?.headers).not.toHaveProperty(name);
  });

  test('of a search, what is not granted stays here, and every URL is ours', async () => {
    const response = await call('/Observation?status=final');
    expect(response.status).toBe(200);
    const text = await response.text();
    expect(text).not.toContain(upstream.base);
    const bundle = JSON.parse(text) as { readonly entry: readonly { readonly fullUrl: string }[] };
    expect(bundle.entry.map(({ fullUrl }) => fullUrl)).toEqual([`${publicUrl}/fhir/Observation/o1`]);
  });

  test('a type that was asked for and not approved: 403, recorded, and the upstream hears nothing', async () => {
    const before = upstream.requests.length;
    const response = await call('/Patient/p1', { jti: 'token-refused' });
    expect(response.status).toBe(403);
    expect(response.headers.get('www-authenticate')).toMatch(/^Bearer error="insufficient_scope"/);
    expect(await response.json()).toMatchObject({ resourceType: 'OperationOutcome', issue: [{ code: 'forbidden' }] });
    expect(upstream.requests).toHaveLength(before);
    expect(await recordsOf(response)).toContainEqual(
      expect.objectContaining({
        type: 'access-denied',
        data: expect.objectContaining({
          tokenId: 'token-refused',
          resourceType: 'Patient',
          scope: 'system/Patient.r',
          status: 403,
        }),
      }),
    );
  });

  test.each([
    ['a write', { method: 'POST', path: '/Observation', status: 403 }],
    ['an operation', { method: 'GET', path: '/Observation/$lastn', status: 403 }],
    ['a Bundle that is none', { method: 'POST', path: '', status: 400 }],
    ['an unknown parameter', { method: 'GET', path: '/Observation?nonsense=1', status: 403 }],
    ['percent-encoding in the path', { method: 'GET', path: '/%4Fbservation/o1', status: 403 }],
  ])('%s is refused', async (_what, { method, path, status }) => {
    const before = upstream.requests.length;
    const body = method === 'POST' ? { body: '{"resourceType":"Observation"}' } : {};
    const response = await service.call(`/fhir${path}`, {
      method,
      headers: { authorization: `Bearer ${await token()}`, 'content-type': 'application/fhir+json' },
      ...body,
    });
    expect(response.status).toBe(status);
    expect(upstream.requests).toHaveLength(before);
  });

  test('each entry of a batch is judged by itself, answered in the batch, and on record with it', async () => {
    const entry = [
      'Observation/o1',
      'Patient/p1',
      'Observation/none',
      '/Observation/o1',
      'Observation?status=final',
    ].map((url) => ({ request: { method: 'GET', url } }));
    const response = await service.call('/fhir', {
      method: 'POST',
      headers: {
        authorization: `Bearer ${await token({ jti: 'token-batch' })}`,
        'content-type': 'application/fhir+json',
      },
      body: JSON.stringify({ resourceType: 'Bundle', type: 'batch', entry }),
    });
    expect(response.status).toBe(200);
    const text = await response.text();
    expect(text).not.toMatch(/HAPI|java/);
    expect(text).not.toContain(upstream.base);
    const answered = JSON.parse(text) as { entry: { resource?: object; response: { status: string } }[] };
    expect(answered.entry.map((it) => it.response.status)).toEqual(['200', '403', '404', '400', '200']);
    expect(answered.entry[0]?.resource).toMatchObject({
      id: 'o1',
      subject: { reference: `${publicUrl}/fhir/Patient/p1` },
    });
    const of = () => activity.records.filter(({ data }) => 'tokenId' in data && data.tokenId === 'token-batch');
    await until(() => of().length === 6);
    const [whole] = of().filter(({ data }) => !('partOf' in data));
    expect(whole).toMatchObject({ type: 'access-allowed', data: { interaction: 'batch', method: 'POST' } });
    const partOf = whole && 'callId' in whole.data ? whole.data.callId : undefined;
    const parts = of().filter((it) => it !== whole);
    expect(parts.map(({ data }) => 'partOf' in data && data.partOf)).toEqual(Array.from({ length: 5 }, () => partOf));
    expect(parts.filter(({ type }) => type === 'access-denied')).toHaveLength(2);
  });

  test('what the upstream says of an error, and a resource that was not asked for, stay here', async () => {
    const missing = await call('/Observation/none');
    expect(missing.status).toBe(404);
    expect(await missing.text()).not.toContain('HAPI');
    const mixedUp = await call('/Observation/mixed-up');
    expect(mixedUp.status).toBe(502);
    expect(await mixedUp.text()).not.toContain('somebody-elses');
  });

  test.each([
    ['none', undefined],
    ['of another audience', () => token({ aud: 'gatehouse' })],
    ['of another issuer', () => token({ iss: 'https://elsewhere.example' })],
    ['an id_token by its typ', () => token({}, { typ: 'JWT' })],
    ['expired', () => token({ exp: Math.floor(Date.now() / 1000) - 60 })],
    ['bound to a key', () => token({ cnf: { jkt: 'x' } })],
    ['of another client than the application’s', () => token({ client_id: 'client-2' })],
    ['of an earlier epoch', () => token({ gatehouse_epoch: -1 })],
    [
      'with a changed payload',
      async () =>
        (await token()).replace(/\.[^.]+\./, `.${Buffer.from('{"scope":"system/*.cruds"}').toString('base64url')}.`),
    ],
  ])('a token %s: 401', async (_what, make) => {
    const before = upstream.requests.length;
    const headers: Record<string, string> = make ? { authorization: `Bearer ${await make()}` } : {};
    const response = await service.call('/fhir/Observation/o1', { headers });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toMatch(make ? /error="invalid_token"/ : /^Bearer, DPoP algs=/);
    expect(upstream.requests).toHaveLength(before);
  });

  const patientClaims = (patient?: string) => ({
    client_id: 'client-3',
    sub: 'user-1',
    gatehouse_application: ofPatients,
    gatehouse_grant: mintId(5),
    scope: 'patient/*.rs',
    ...(patient === undefined ? {} : { patient, fhirUser: `Patient/${patient}` }),
  });

  test('under a patient’s token the own is read, another’s is not there, and without a patient nothing is granted', async () => {
    expect((await call('/Observation/o1', patientClaims('p1'))).status).toBe(200);
    const [hidden, unknown] = [
      await call('/Observation/o1', patientClaims('p2')),
      await call('/Observation/none', patientClaims('p2')),
    ];
    expect([hidden.status, await hidden.text()]).toEqual([404, await unknown.text()]);
    expect((await call('/Observation/o1', patientClaims())).status).toBe(403);
    expect((await call('/Observation/o1', { ...patientClaims('p1'), fhirUser: 'Patient/p2' })).status).toBe(403);
    const search = await call('/Observation?status=final', patientClaims('p1'));
    expect(await search.json()).toMatchObject({ total: 1 });
    expect(upstream.requests.at(-1)?.url).toContain('performer=Patient%2Fp1');
  });

  test('a token that does not count leaves a record, without the token', async () => {
    const forged = await token({ iss: 'https://forged.example', jti: 'forged' });
    await service.call('/fhir/Observation/o1', {
      headers: { authorization: `Bearer ${forged}`, 'user-agent': 'forger' },
    });
    const found = () =>
      activity.records.find(
        ({ type, data }) => type === 'access-denied' && 'userAgent' in data && data.userAgent === 'forger',
      );
    await until(() => found() !== undefined);
    expect(found()).toMatchObject({
      data: { reason: expect.stringContaining('token: '), status: 401 },
      meta: { subject: 'unknown' },
    });
    expect(JSON.stringify(found())).not.toContain(forged.slice(-20));
  });

  describe('pages of other origins', () => {
    const preflight = async (path: string, origin: string) =>
      (await service.call(path, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'GET' } }))
        .headers;

    test('a preflight without a token is answered for registered origins, never with credentials', async () => {
      const allowed = await preflight('/fhir/Observation', 'https://app.example.org');
      expect(allowed.get('access-control-allow-origin')).toBe('https://app.example.org');
      expect(allowed.get('access-control-allow-headers')).toContain('Authorization');
      expect(allowed.get('access-control-allow-credentials')).toBeNull();
      expect(
        (await preflight('/fhir/Observation', 'https://evil.example')).get('access-control-allow-origin'),
      ).toBeNull();
      expect((await preflight('/fhir/metadata', 'https://evil.example')).get('access-control-allow-origin')).toBe('*');
    });

    test('answers and errors may be read by the pages of the application that calls', async () => {
      const origin = { origin: 'https://app.example.org' };
      const own = await call('/Observation/o1', patientClaims('p1'), origin);
      expect(own.headers.get('access-control-allow-origin')).toBe('https://app.example.org');
      expect(own.headers.get('access-control-expose-headers')).toContain('ETag');
      expect(
        (await call('/Observation/none', patientClaims('p1'), origin)).headers.get('access-control-allow-origin'),
      ).toBe(origin.origin);
      const noToken = await service.call('/fhir/Observation/o1', { headers: origin });
      expect([noToken.status, noToken.headers.get('access-control-allow-origin')]).toEqual([401, origin.origin]);
      // It is registered, and not by the application whose token this is.
      expect((await call('/Observation/o1', {}, origin)).headers.get('access-control-allow-origin')).toBeNull();
    });
  });

  describe('decisions for other enforcement points', () => {
    const evaluate = async (
      method: string,
      id: string,
      claims: Record<string, unknown> = {},
      role = 'enforcement-point',
    ) =>
      await service.call('/access/v1/evaluation', {
        headers: await testIdentity('pep', role),
        json: {
          subject: { type: 'access-token', id: 'caller', properties: { token: await token(claims) } },
          action: { name: method },
          resource: { type: 'fhir-request', id },
        },
      });

    test.each<[string, string, Record<string, unknown>, object]>([
      ['GET', '/Observation/o1', { jti: 'elsewhere' }, { decision: true }],
      ['GET', '/Observation?status=final', {}, { decision: true }],
      ['GET', '/Patient/p1', {}, { decision: false, context: { status: 403 } }],
      ['POST', '/Observation', {}, { decision: false, context: { status: 403 } }],
      ['GET', '//Observation/o1', {}, { decision: false, context: { status: 403 } }],
      ['GET', '/Observation/o1', { gatehouse_epoch: -1 }, { decision: false, context: { status: 401 } }],
      ['GET', '/Observation/o1', { iss: 'https://elsewhere.example' }, { decision: false, context: { status: 401 } }],
    ])('%s %s with %j', async (method, id, claims, expected) => {
      const response = await evaluate(method, id, claims);
      expect(response.status).toBe(200);
      expect(response.headers.get('cache-control')).toBe('no-store');
      expect(await response.json()).toMatchObject(expected);
    });

    test('what the answer would have to be looked at for is denied, and says so', async () => {
      const response = await evaluate('GET', '/Observation/o1', patientClaims('p1'));
      expect(await response.json()).toEqual({ decision: false, context: { reason: 'requires-gateway', status: 403 } });
    });

    test('they are recorded as the gateway’s own are', async () => {
      await evaluate('GET', '/Observation/o1', { jti: 'elsewhere-recorded' });
      const found = () =>
        activity.records.find(({ data }) => 'tokenId' in data && data.tokenId === 'elsewhere-recorded');
      await until(() => found() !== undefined);
      expect(found()).toMatchObject({ type: 'access-allowed', data: { interaction: 'read', status: 200 } });
    });

    test('several at once, with what they have in common said once, as far as the semantics go', async () => {
      const ask = async (evaluations_semantic: string) => {
        const response = await service.call('/access/v1/evaluations', {
          headers: await testIdentity('pep', 'enforcement-point'),
          json: {
            subject: { type: 'access-token', id: 'caller', properties: { token: await token() } },
            action: { name: 'GET' },
            evaluations: ['/Observation/o1', '/Patient/p1', '/Observation'].map((id) => ({
              resource: { type: 'fhir-request', id },
            })),
            options: { evaluations_semantic },
          },
        });
        const body = (await response.json()) as { readonly evaluations: readonly { readonly decision: boolean }[] };
        return body.evaluations.map(({ decision }) => decision);
      };
      expect(await ask('execute_all')).toEqual([true, false, true]);
      expect(await ask('deny_on_first_deny')).toEqual([true, false]);
      expect(await ask('permit_on_first_permit')).toEqual([true]);
    });

    test('nobody else is answered, and nothing else is', async () => {
      expect((await evaluate('GET', '/Observation/o1', {}, 'operator')).status).toBe(403);
      const headers = await testIdentity('pep', 'enforcement-point');
      expect((await service.call('/access/v1/evaluation', { headers, json: { subject: {} } })).status).toBe(400);
      expect((await service.call('/access/v1/evaluations', { headers, json: { evaluations: [{}] } })).status).toBe(400);
    });

    test.each<[string, string, string | undefined, number]>([
      ['GET', '/fhir/Observation/o1', 'token', 200],
      ['GET', '/fhir/Patient/p1', 'token', 403],
      ['DELETE', '/fhir/Observation/o1', 'token', 403],
      ['GET', '/fhir/%4Fbservation/o1', 'token', 403],
      ['GET', '/fhir/Observation/o1', undefined, 401],
      ['GET', '/elsewhere', 'token', 400],
    ])('auth_request for %s %s with %s: %d', async (method, uri, hasToken, status) => {
      const response = await service.call('/ext-authz', {
        headers: {
          ...(await testIdentity('nginx', 'enforcement-point')),
          'x-original-method': method,
          'x-original-uri': uri,
          ...(hasToken === undefined ? {} : { 'x-original-authorization': `Bearer ${await token()}` }),
        },
      });
      expect(response.status).toBe(status);
    });
  });

  test('a token in the query does not count', async () => {
    expect((await service.call(`/fhir/Observation/o1?access_token=${await token()}`)).status).toBe(401);
    expect((await call('/Observation/o1?access_token=x')).status).toBe(401);
  });

  test('conformance is for everybody, says what is enforced, and the upstream is not asked', async () => {
    const before = upstream.requests.length;
    const capabilities = await service.call('/fhir/metadata');
    expect(capabilities.status).toBe(200);
    expect(await capabilities.json()).toMatchObject({
      resourceType: 'CapabilityStatement',
      implementation: { url: `${publicUrl}/fhir` },
    });
    const smart = await service.call('/fhir/.well-known/smart-configuration');
    expect(smart.headers.get('access-control-allow-origin')).toBe('*');
    expect(await smart.json()).toMatchObject({ issuer: publicUrl });
    expect(upstream.requests).toHaveLength(before);
  });

  test.each(['application/json', 'text/html', 'application/fhir+xml', '*/*;q=0.1'])(
    'below the FHIR base it says what it can do, in JSON whatever is accepted: %s',
    async (accept) => {
      const smart = await service.call('/fhir/.well-known/smart-configuration', { headers: { accept } });
      expect([smart.status, smart.headers.get('content-type')?.split(';')[0]]).toEqual([200, 'application/json']);
      expect(await smart.json()).toMatchObject({ capabilities: expect.arrayContaining(['launch-ehr']) });
    },
  );

  test('a developer sees the access of an own application only', async () => {
    const response = await service.call(`/access/applications/${application}`, { headers: await testIdentity() });
    expect(await response.json()).toMatchObject({
      status: 'open',
      scopes: ['system/Observation.rs'],
      enforcementPoints: [{ kind: 'gateway' }],
    });
    expect(
      (await service.call(`/access/applications/${application}`, { headers: await testIdentity('dev', 'developer') }))
        .status,
    ).toBe(404);
  });

  test('after the suspension the same token is 401, a call in flight gives nothing, and others go on', async () => {
    const bearer = `Bearer ${await token({ jti: 'token-suspended' })}`;
    const read = () => service.call('/fhir/Observation/o1', { headers: { authorization: bearer } });
    expect((await read()).status).toBe(200);

    const held = Promise.withResolvers<void>();
    upstream.hold = held.promise;
    const before = upstream.requests.length;
    const inFlight = read();
    await until(() => upstream.requests.length > before);
    const position = await seed.event(
      registration,
      { type: 'application-suspended', data: { reason: 'incident', epoch: 1 } },
      by(application),
    );
    const shown = await settled(position, application);
    expect(await shown.json()).toMatchObject({ status: 'closed', why: 'suspended', scopes: [] });
    const withheld = await inFlight;
    upstream.hold = undefined;
    held.resolve();
    expect(withheld.status).toBe(401);
    expect(await withheld.text()).not.toContain('"Observation"');

    const refused = await read();
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
    expect(await recordsOf(refused)).toContainEqual(
      expect.objectContaining({
        type: 'access-denied',
        data: expect.objectContaining({ tokenId: 'token-suspended', reason: 'closed: suspended' }),
      }),
    );
    const claims = { client_id: 'client-2', sub: 'client-2', gatehouse_application: other };
    expect((await call('/Observation/o1', claims)).status).toBe(200);
  });

  /** The upstream tells nobody that it was asked, so it is looked at again and again. */
  async function until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise((resolve) => setImmediate(resolve));
  }
});
