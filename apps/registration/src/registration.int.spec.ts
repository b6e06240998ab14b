import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { approval, mintId, mintIdBeside, review } from '#contracts';
import type { LogSettings } from '#event-log';
import { LOG_SETTINGS } from '#host';
import { LogSeed, startTestService, testIssuer, type TestIssuer, type TestService } from '#testing';
import { exportJWK, generateKeyPair } from 'jose';
import { isolate, type Isolation } from '../../../test/environment/isolation.js';
import { registrationPart } from './registration.part.js';

const path = '/registration/applications';
/** What a test looks at in an answer; the rest is compared as it comes. */
interface Body {
  readonly id: string;
  readonly next?: string;
  readonly items: readonly { readonly id: string; readonly type: string; readonly data: unknown }[];
  readonly errors: readonly { readonly pointer: string }[];
  readonly secret: string;
  readonly jwks: { readonly keys: unknown };
  readonly [field: string]: unknown;
}

const metadata = {
  name: 'Heart Diary',
  kind: 'patient-access',
  clientType: 'confidential-symmetric',
  scopes: ['launch/patient', 'patient/Observation.rs'],
  purposesOfUse: [{ code: 'PATRQT', justification: 'Patients see their own data.' }],
  redirectUris: ['https://heart.example.org/callback'],
  contacts: ['security@heart.example.org'],
};

describe('an application', () => {
  let own: Isolation;
  let issuer: TestIssuer;
  let service: TestService;

  beforeAll(async () => {
    [own, issuer] = await Promise.all([isolate(), testIssuer()]);
    service = await startTestService(registrationPart, {
      databaseUrl: own.databaseUrl,
      issuer,
      environment: { KAFKA_TOPIC_PREFIX: own.prefix },
    });
  }, 60_000);

  afterAll(async () => {
    await service.close();
    await Promise.all([own.dispose(), issuer.close()]);
  });

  const call = async (
    who: string,
    role: string,
    to: string,
    json?: unknown,
    headers: Record<string, string> = {},
    method?: string,
  ) => {
    const response = await service.call(to, {
      headers: { ...(await issuer.bearer(who, role)), ...headers },
      ...(json === undefined ? {} : { json }),
      ...(method === undefined ? {} : { method }),
    });
    return {
      status: response.status,
      headers: response.headers,
      body: (await response.json()) as Body,
    };
  };
  const register = (body: object = metadata, headers: Record<string, string> = {}) =>
    call('dev', 'developer', path, body, headers);

  it('is registered once, however often the same request comes', async () => {
    const key = { 'idempotency-key': randomUUID() };
    const first = await register(metadata, key);
    const retry = await register(metadata, key);
    expect(first.status).toBe(201);
    expect(first.body).toMatchObject({ status: 'draft', version: 1, contacts: metadata.contacts });
    expect(first.headers.get('location')).toBe(`${path}/${first.body.id}`);
    expect(first.headers.get('etag')).toBe('"1"');
    expect([retry.status, retry.body.id, retry.headers.get('location')]).toEqual([
      201,
      first.body.id,
      first.headers.get('location'),
    ]);
    expect(retry.headers.get('gatehouse-position')).toBe(first.headers.get('gatehouse-position'));
    const other = await register({ ...metadata, name: 'Another Diary' }, key);
    expect(other.status).toBe(422);
  });

  it('is registered for each caller who sends the same key, whatever the other sent under it', async () => {
    const key = { 'idempotency-key': randomUUID() };
    const other = (body: object) => call('other-dev', 'developer', path, body, key);
    const mine = await register(metadata, key);
    const theirs = await other(metadata);
    expect([mine.status, theirs.status]).toEqual([201, 201]);
    expect(theirs.body.id).not.toBe(mine.body.id);
    expect((await other({ ...metadata, name: 'Another' })).status).toBe(422);

    const taken = { 'idempotency-key': randomUUID() };
    await register(metadata, taken);
    const another = await call('other-dev', 'developer', path, { ...metadata, name: 'Another' }, taken);
    expect([another.status, another.body['name']]).toEqual([201, 'Another']);
    expect((await call('dev', 'developer', `${path}/${another.body.id}`)).status).toBe(404);
  });

  it('is seen at the position that its caller saw, by its owner and by those who see all', async () => {
    const { body, headers } = await register();
    const at = { 'gatehouse-position': headers.get('gatehouse-position') ?? '' };
    const mine = await call('dev', 'developer', `${path}/${body.id}`, undefined, at);
    expect(mine.body).toEqual(body);
    expect(mine.headers.get('etag')).toBe('"1"');
    for (const role of ['reviewer', 'auditor', 'operator']) {
      const seen = await call('staff', role, `${path}/${body.id}`, undefined, at);
      expect([seen.status, seen.body['contacts']]).toEqual([200, role === 'auditor' ? undefined : metadata.contacts]);
    }
    for (const to of [`${path}/${body.id}`, `${path}/${body.id}/history`]) {
      expect((await call('stranger', 'developer', to, undefined, at)).status).toBe(404);
    }
    const theirs = await call('stranger', 'developer', path, undefined, at);
    expect(theirs.body.items).toEqual([]);
    const all = await call('dev', 'developer', `${path}?limit=1&status=draft`, undefined, at);
    expect(all.body.items).toEqual([body]);
  });

  it('says whether it pushes its requests and binds its tokens to a key; false is as unsaid', async () => {
    const flags = (body: Body) => [body['requirePushedAuthorizationRequests'], body['dpopBoundAccessTokens']];
    const hard = { requirePushedAuthorizationRequests: true, dpopBoundAccessTokens: true };
    const { body } = await call('dev', 'developer', path, { ...metadata, ...hard });
    expect(flags(body)).toEqual([true, true]);
    const to = `${path}/${body.id}`;
    const change = { requirePushedAuthorizationRequests: false, dpopBoundAccessTokens: null };
    expect(flags((await call('dev', 'developer', to, change, {}, 'PATCH')).body)).toEqual([undefined, undefined]);
    const again = await call('dev', 'developer', to, { dpopBoundAccessTokens: false }, {}, 'PATCH');
    expect(again.body).toMatchObject({ version: 2 });
    expect((await call('dev', 'developer', to, { dpopBoundAccessTokens: true }, {}, 'PATCH')).body).toMatchObject({
      version: 3,
      dpopBoundAccessTokens: true,
    });
    const soft = await call('dev', 'developer', path, { ...metadata, dpopBoundAccessTokens: false });
    expect(flags(soft.body)).toEqual([undefined, undefined]);
    const text = await call('dev', 'developer', path, { ...metadata, dpopBoundAccessTokens: 'true' });
    expect([text.status, text.body.errors[0]?.pointer]).toEqual([400, '/dpopBoundAccessTokens']);
  });

  it('is submitted, withdrawn and changed by its owner alone, and tells its history', async () => {
    const { body } = await register();
    const to = `${path}/${body.id}`;
    expect((await call('stranger', 'developer', `${to}/submission`, {})).status).toBe(404);
    expect((await call('staff', 'operator', `${to}/submission`, {})).status).toBe(403);
    expect((await call('dev', 'developer', `${to}/submission`, { comment: 'Please' })).body['status']).toBe(
      'submitted',
    );
    expect((await call('dev', 'developer', `${to}/submission`, {})).status).toBe(409);
    expect((await call('dev', 'developer', `${to}/withdrawal`, {})).body['status']).toBe('withdrawn');
    const stale = await call('dev', 'developer', to, { name: 'Heart Book' }, { 'if-match': '"1"' }, 'PATCH');
    expect(stale.status).toBe(412);
    expect((await call('dev', 'developer', to, { name: null }, {}, 'PATCH')).status).toBe(422);
    const purposesOfUse = [{ code: 'HRESCH', justification: 'Research.' }];
    const documents = [{ name: 'Report', uri: 'https://heart.example.org/report', sha256: 'a'.repeat(64) }];
    const change = { name: 'Heart Book', contacts: null, purposesOfUse, documents };
    const changed = await call('dev', 'developer', to, change, { 'if-match': '"3"' }, 'PATCH');
    expect(changed.body).toMatchObject({ name: 'Heart Book', purposesOfUse, documents, version: 4 });
    expect(changed.body['contacts']).toBeUndefined();
    const at = { 'gatehouse-position': changed.headers.get('gatehouse-position') ?? '' };
    const history = await call('audit', 'auditor', `${to}/history`, undefined, at);
    expect(history.body.items.map((item) => item.type)).toEqual([
      'application-registered',
      'application-submitted',
      'application-withdrawn',
      'application-changed',
    ]);
  });

  it('gets a secret that is shown once', async () => {
    const { body } = await register();
    const to = `${path}/${body.id}/secrets`;
    const key = { 'idempotency-key': randomUUID() };
    expect((await call('dev', 'developer', to, { length: 8 })).status).toBe(400);
    expect((await call('stranger', 'developer', to, {})).status).toBe(404);
    const issued = await call('dev', 'developer', to, {}, key);
    const retry = await call('dev', 'developer', to, {}, key);
    expect(Buffer.from(issued.body.secret, 'base64url')).toHaveLength(32);
    expect(retry.body).toEqual({ id: issued.body.id, expiresAt: issued.body['expiresAt'] });
    const at = { 'gatehouse-position': issued.headers.get('gatehouse-position') ?? '' };
    const history = await call('dev', 'developer', `${path}/${body.id}/history`, undefined, at);
    expect(history.body.items.at(-1)?.data).toEqual({ secret: retry.body });

    const withdrawal = `${to}/${issued.body.id}/withdrawal`;
    expect((await call('stranger', 'developer', withdrawal, {})).status).toBe(404);
    const gone = await call('dev', 'developer', withdrawal, {});
    expect([gone.status, gone.body['secrets']]).toEqual([200, []]);
    const seen = { 'gatehouse-position': gone.headers.get('gatehouse-position') ?? '' };
    const after = await call('dev', 'developer', `${path}/${body.id}/history`, undefined, seen);
    expect(after.body.items.at(-1)).toMatchObject({
      type: 'secret-withdrawn',
      data: { secret: { id: issued.body.id } },
    });
    expect(JSON.stringify(after.body)).not.toContain('sha256');
  });

  it('rotates its keys, and never takes a private one', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES384', { extractable: true });
    const jwk = { ...(await exportJWK(publicKey)), kid: 'one' };
    const asymmetric = { ...metadata, clientType: 'confidential-asymmetric' };
    const leak = await register({ ...asymmetric, jwks: { keys: [{ ...(await exportJWK(privateKey)), kid: 'one' }] } });
    expect([leak.status, leak.body.errors[0]?.pointer]).toEqual([422, '/jwks/keys/0/d']);
    const { body } = await register({ ...asymmetric, jwks: { keys: [jwk] } });
    const next = { ...(await exportJWK((await generateKeyPair('RS384')).publicKey)), kid: 'two' };
    const change = { add: next, remove: { kid: 'one', compromised: true } };
    const rotated = await call('dev', 'developer', `${path}/${body.id}/keys`, change);
    expect(rotated.body.jwks.keys).toEqual([{ ...next, use: 'sig', alg: 'RS384' }]);
    expect((await call('stranger', 'developer', `${path}/${body.id}/keys`, change)).status).toBe(404);
  });

  it('is suspended, reinstated and revoked for good, each with a receipt', async () => {
    const { body } = await register();
    const to = `${path}/${body.id}`;
    const because = { reason: 'A test.' };
    expect((await call('dev', 'developer', `${to}/suspension`, because)).status).toBe(403);
    const suspended = await call('op', 'operator', `${to}/suspension`, because);
    expect(suspended.status).toBe(200);
    expect(suspended.body).toMatchObject({
      applicationId: body.id,
      position: suspended.headers.get('gatehouse-position'),
      outstanding: [],
    });
    expect((await call('op', 'operator', `${to}/reinstatement`, because)).status).toBe(200);
    const revoked = await call('rev', 'reviewer', `${to}/revocation`, because);
    const again = await call('op', 'operator', `${to}/revocation`, because);
    expect([revoked.status, again.status]).toEqual([200, 200]);
    expect([again.body['position'], again.body['decidedAt']]).toEqual([
      revoked.body['position'],
      revoked.body['decidedAt'],
    ]);
    expect((await call('op', 'operator', `${to}/reinstatement`, because)).status).toBe(409);
    expect((await call('op', 'operator', `${to}/revocation`, {})).status).toBe(400);
  });

  it('is passed on only to somebody known', async () => {
    const { body } = await register();
    const heir = await call('heir', 'developer', path, metadata);
    const to = `${path}/${body.id}/ownership-transfer`;
    expect((await call('dev', 'developer', to, { ownerId: randomUUID() })).status).toBe(422);
    const passed = await call('dev', 'developer', to, { ownerId: heir.body['ownerId'] });
    expect(passed.body['ownerId']).toBe(heir.body['ownerId']);
    expect(passed.body['contacts']).toBeUndefined();
    expect((await call('dev', 'developer', to, { ownerId: heir.body['ownerId'] })).status).toBe(404);
  });

  it('is refused with every fault by its pointer, and unknown fields at once', async () => {
    const unknown = await register({ ...metadata, colour: 'red' });
    expect([unknown.status, unknown.body.errors]).toEqual([
      400,
      [{ pointer: '/colour', detail: 'is not a field of this resource' }],
    ]);
    const refused = await register({ ...metadata, scopes: ['patient/Observation.sr'], name: 'He\u0430rt' });
    expect([refused.status, refused.body.errors.map(({ pointer }) => pointer)]).toEqual([422, ['/name', '/scopes/0']]);
  });

  it('follows what approval and a certification campaign decide', async () => {
    const { body } = await register({ ...metadata, submit: true });
    const to = `${path}/${body.id}`;
    const seed = new LogSeed(service.app.get<LogSettings>(LOG_SETTINGS));
    const by = { actor: 'reviewer', time: new Date().toISOString() };
    const becomes = async (status: string) => {
      for (;;) {
        const { body: now } = await call('dev', 'developer', to);
        if (now['status'] === status) return now;
        await pause(50);
      }
    };
    try {
      const data = {
        reviewId: mintIdBeside(body.id),
        submission: 1,
        approvalVersion: 1,
        reviewerIds: ['reviewer'],
        scopes: ['patient/Observation.rs'],
        expiresAt: '2099-01-01T00:00:00Z',
        conditions: [],
        endpoints: ['*'],
        reason: 'fits',
      };
      await seed.event(approval, { type: 'review-approved', data }, { subject: body.id, ...by });
      expect(await becomes('active')).toMatchObject({
        approvedScopes: ['patient/Observation.rs'],
        requestedScopes: metadata.scopes,
        approvalVersion: 1,
        approvalExpiresAt: '2099-01-01T00:00:00Z',
      });
      const [campaignId, itemId] = [mintId(7), mintId(7)];
      const decided = {
        itemId,
        applicationId: body.id,
        decision: 'revoke',
        reason: 'unused',
        bySilence: false,
      } as const;
      await seed.event(review, { type: 'item-decided', data: decided }, { subject: campaignId, ...by });
      expect(await becomes('revoked')).toMatchObject({
        closure: { reason: 'unused' },
        review: { verdict: 'approved' },
      });
    } finally {
      await seed.close();
    }
  });

  it('is listed by pages, the newest first', async () => {
    const { headers } = await register();
    const at = { 'gatehouse-position': headers.get('gatehouse-position') ?? '' };
    const ids: string[] = [];
    let cursor = '';
    do {
      const page = await call('dev', 'developer', `${path}?limit=2${cursor}`, undefined, at);
      ids.push(...page.body.items.map(({ id }) => id));
      cursor = page.body.next === undefined ? '' : `&cursor=${page.body.next}`;
    } while (cursor !== '');
    const whole = await call('dev', 'developer', `${path}?limit=200`);
    expect(ids.length).toBeGreaterThan(2);
    expect(ids).toEqual(whole.body.items.map(({ id }) => id));
    expect(ids).toEqual([...new Set(ids)].sort().reverse());
    const forged = Buffer.from('["x"]').toString('base64url');
    expect((await call('dev', 'developer', `${path}?cursor=${forged}`)).status).toBe(400);
  });

  it('is documented as it is served', async () => {
    const document = (await (await service.call('/docs/openapi.json')).json()) as {
      readonly paths: Record<string, Record<string, unknown>>;
      readonly components: { readonly schemas: Record<string, { readonly properties: Record<string, unknown> }> };
    };
    const routes = Object.entries(document.paths).flatMap(([route, methods]) =>
      Object.keys(methods).map((method) => `${method} ${route}`),
    );
    const one = `${path}/{id}`;
    const nouns = ['keys', 'ownership-transfer', 'reinstatement', 'revocation', 'secrets', 'submission', 'suspension'];
    const expected = [
      `get ${path}`,
      `get ${one}`,
      `get ${one}/history`,
      'get /registration/commands/{id}',
      'get /registration/projections',
      'get /registration/projections/{name}/rebuilds/{id}',
      `patch ${one}`,
      `post ${path}`,
      ...nouns.map((noun) => `post ${one}/${noun}`),
      `post ${one}/credentials/{credentialId}/confirmation`,
      `post ${one}/secrets/{secretId}/withdrawal`,
      `post ${one}/withdrawal`,
      'post /registration/projections/{name}/rebuilds',
    ];
    expect(routes.filter((route) => route.includes('/registration/')).sort()).toEqual(expected.sort());
    const { properties } = document.components.schemas['NewApplication'] ?? {};
    expect(properties).toMatchObject({
      kind: { type: 'string', enum: ['patient-access', 'provider', 'backend', 'ehr'] },
      purposesOfUse: { type: 'array', items: { $ref: '#/components/schemas/PurposeOfUse' } },
    });
  });
});
