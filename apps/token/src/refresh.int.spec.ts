import { encodeReport, enforcementTopic, PARTITIONS, PointKey, token as tokenContext, topicsOf } from '#contracts';
import { enforcementTiming } from '#enforcement';
import { OrderedAppender } from '#event-log';
import { startTestService, testAuthorization, testBrowser, type TestApp, type TestAuthorization } from '#testing';
import { tokenPart } from './token.part.js';

let server: TestAuthorization;

beforeAll(async () => {
  // So many that who waits for a lock does not wait for a connection as well, which is 503 after a while.
  server = await testAuthorization(tokenPart, { DATABASE_POOL: '20' });
}, 60_000);
afterAll(() => server.close(), 60_000);
beforeEach(() => server.signInAs());

const scope = 'launch/patient openid fhirUser patient/Patient.read patient/Observation.rs offline_access';

/** A grant that goes on without its user. */
async function lasting(app: TestApp) {
  const { body, browser } = await server.granted(app, { scope }, [['duration', 'offline']]);
  return { body, browser, refreshToken: body.refresh_token ?? '' };
}

/** How the family of the application ended. */
async function endOf(app: TestApp) {
  const ended = await server.gathered(
    server.events,
    ({ type, meta }) => type === 'grant-revoked' && meta.subject === app.id,
  );
  return ended.data;
}

/** Takes the grace of rotated tokens away, as if 10 s had passed. */
async function graceIsOver(): Promise<void> {
  await server.sql(`UPDATE protocol.refresh_tokens SET rotated_at = rotated_at - interval '11 seconds'`);
}

describe('a refresh token', () => {
  test('[SMART 2.2 §2.0.10] brings a token of the same grant, and another refresh token', async () => {
    const app = await server.approved();
    const { body, refreshToken } = await lasting(app);
    const { status, headers, body: next } = await server.refresh(app, refreshToken);
    expect([status, headers.get('cache-control'), headers.get('pragma')]).toEqual([200, 'no-store', 'no-cache']);
    expect(next).toMatchObject({ scope: body.scope, patient: 'p1', token_type: 'Bearer', expires_in: 3600 });
    expect(next.refresh_token).not.toBe(refreshToken);
    const [before, after] = [await server.claimsOf(body.access_token), await server.claimsOf(next.access_token)];
    expect(after).toMatchObject({
      gatehouse_grant: before['gatehouse_grant'],
      sub: before.sub,
      fhirUser: 'Patient/p1',
    });
    const issued = await server.gathered(
      server.facts,
      ({ type, data }) => type === 'token-issued' && data.tokenId === after.jti,
    );
    expect(issued.data).toMatchObject({ grantType: 'refresh_token' });
  });

  test('[SMART 2.2 §2.0.10] is enough to say which public client it is, and not enough for any other', async () => {
    const app = await server.approved();
    const { refreshToken } = await lasting(app);
    expect((await server.refresh(app, refreshToken, { client_id: undefined })).status).toBe(200);
    const symmetric = await server.approved('confidential-symmetric');
    const { url, verifier } = server.request(symmetric, { scope });
    const code = (await server.agree(testBrowser(), url, [['duration', 'offline']])).searchParams.get('code');
    const { body } = await server.redeem(symmetric, code, verifier, { client_secret: server.secret });
    expect((await server.refresh(symmetric, body.refresh_token, { client_id: undefined })).body.error).toBe(
      'invalid_client',
    );
  });

  test('comes only where the user agreed that it may', async () => {
    const app = await server.approved();
    expect((await server.granted(app, { scope })).body).not.toHaveProperty('refresh_token');
  });

  test('[RFC 6749 §6] may bring less, and never more', async () => {
    const app = await server.approved();
    const { refreshToken } = await lasting(app);
    const more = await server.refresh(app, refreshToken, { scope: 'patient/Patient.read patient/Condition.rs' });
    expect([more.status, more.body.error]).toEqual([400, 'invalid_scope']);
    const less = await server.refresh(app, refreshToken, { scope: 'patient/Patient.read' });
    expect([less.status, less.body.scope]).toEqual([200, 'patient/Patient.read']);
    expect((await server.refresh(app, less.body.refresh_token)).body.scope).toContain('patient/Observation.rs');
  });

  test('retried within the grace brings what the first try brought or less, and never more', async () => {
    const app = await server.approved();
    const { refreshToken } = await lasting(app);
    const first = (await server.refresh(app, refreshToken, { scope: 'patient/Patient.read' })).body;
    const retry = (wanted?: string) => server.refresh(app, refreshToken, wanted === undefined ? {} : { scope: wanted });
    for (const wider of [undefined, scope, 'patient/Observation.rs', 'patient/Patient.read patient/Observation.rs'])
      expect(await retry(wider)).toMatchObject({ status: 400, body: { error: 'invalid_scope' } });
    for (const same of ['patient/Patient.read', 'patient/Patient.r'])
      expect((await retry(same)).body).toMatchObject({ scope: same, refresh_token: first.refresh_token });
    // It ended nothing, and the grant is as wide as ever.
    expect((await server.refresh(app, first.refresh_token)).body.scope).toContain('patient/Observation.rs');
  });

  test('used by 100 at once has one successor', async () => {
    const app = await server.approved();
    const { refreshToken } = await lasting(app);
    const answers = await Promise.all(Array.from({ length: 100 }, () => server.refresh(app, refreshToken)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    const successors = new Set(answers.map(({ body }) => body.refresh_token));
    expect(successors.size).toBe(1);
    const [successor] = successors;
    expect((await server.refresh(app, successor)).status).toBe(200);
  }, 30_000);

  test('used by 100 at once at two instances has one successor, and reuse after the grace ends the family', async () => {
    const app = await server.approved();
    const { refreshToken } = await lasting(app);
    const other = await startTestService(tokenPart, {
      databaseUrl: server.own.databaseUrl,
      issuer: server.issuer,
      environment: {
        KAFKA_BROKERS: server.own.brokers,
        KAFKA_TOPIC_PREFIX: server.own.prefix,
        FHIR_UPSTREAM_URL: server.upstream.url,
        PUBLIC_URL: server.service.url,
        DATABASE_POOL: '20',
      },
    });
    const instances = [server.service, other];
    const present = async (token: string | undefined, at: number) => {
      const form = { grant_type: 'refresh_token', client_id: app.client.clientId, refresh_token: token };
      for (;;) {
        const answer = await server.token(form, {}, instances[at % 2]);
        if (answer.status !== 503) return answer;
      }
    };
    try {
      const answers = await Promise.all(Array.from({ length: 100 }, (_, at) => present(refreshToken, at)));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
      const successors = new Set(answers.map(({ body }) => body.refresh_token));
      expect(successors.size).toBe(1);
      const [successor] = successors;
      expect(await present(refreshToken, 1)).toMatchObject({ status: 200, body: { refresh_token: successor } });
      await graceIsOver();
      expect(await present(refreshToken, 0)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
      expect(await endOf(app)).toMatchObject({ cause: 'refresh-token-reused' });
      for (const at of [0, 1])
        expect(await present(successor, at)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    } finally {
      await other.close();
    }
  }, 60_000);

  test('is gone once its successor was used: using it ends the family', async () => {
    const app = await server.approved();
    const { refreshToken } = await lasting(app);
    const second = (await server.refresh(app, refreshToken)).body.refresh_token;
    const third = (await server.refresh(app, second)).body.refresh_token;
    expect((await server.refresh(app, refreshToken)).body.error).toBe('invalid_grant');
    expect(await endOf(app)).toMatchObject({ cause: 'refresh-token-reused' });
    expect((await server.refresh(app, third)).body.error).toBe('invalid_grant');
  });

  test('is gone 10 s after its rotation: no retry extends that', async () => {
    const app = await server.approved();
    const { refreshToken } = await lasting(app);
    await server.refresh(app, refreshToken);
    await server.refresh(app, refreshToken);
    await graceIsOver();
    expect((await server.refresh(app, refreshToken)).body.error).toBe('invalid_grant');
    expect(await endOf(app)).toMatchObject({ cause: 'refresh-token-reused' });
  });

  test('of another client is none', async () => {
    const [app, other] = [await server.approved(), await server.approved()];
    const { refreshToken } = await lasting(app);
    expect((await server.refresh(other, refreshToken)).body.error).toBe('invalid_grant');
    expect((await server.refresh(app, refreshToken)).status).toBe(200);
  });

  test.each([['x'.repeat(43)], [''], ['a\u0000b'], ['é'.repeat(50_000)]])(
    'that nobody was given is refused',
    async (given) => {
      const app = await server.approved();
      const { status, body } = await server.refresh(app, given);
      expect(status).toBe(400);
      expect(['invalid_grant', 'invalid_request']).toContain(body.error);
    },
  );

  test('sleeps while the application is suspended', async () => {
    const app = await server.approved();
    const { refreshToken } = await lasting(app);
    await server.suspended(app);
    expect(await server.refresh(app, refreshToken)).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
    await server.reinstated(app);
    const { status, body } = await server.refresh(app, refreshToken);
    expect(status).toBe(200);
    expect((await server.claimsOf(body.access_token))['gatehouse_epoch']).toBe(2);
  });

  test('ends with the user’s right to see the patient', async () => {
    server.signInAs('doctor', 'Practitioner/d2');
    const app = await server.approved();
    const { refreshToken } = await lasting(app);
    const patient = server.upstream.resources.get('Patient/p3') ?? {};
    server.upstream.resources.set('Patient/p3', { ...patient, generalPractitioner: [] });
    try {
      expect((await server.refresh(app, refreshToken)).body.error).toBe('invalid_grant');
      expect(await endOf(app)).toMatchObject({ cause: 'right-ended' });
    } finally {
      server.upstream.resources.set('Patient/p3', patient);
    }
  });

  test.each([
    ['Practitioner/d2', 'the clinician is out of service', { active: false }],
    ['RelatedPerson/r1', 'the relative is recorded as one no more', { active: false }],
    ['RelatedPerson/r1', 'the relative was one until last year', { period: { start: '2001-01-01', end: '2024' } }],
  ])('%s: ends when %s', async (fhirUser, _why, change) => {
    server.signInAs(fhirUser, fhirUser);
    const app = await server.approved();
    const { refreshToken } = await lasting(app);
    const person = server.upstream.resources.get(fhirUser) ?? {};
    server.upstream.resources.set(fhirUser, { ...person, ...change });
    try {
      expect((await server.refresh(app, refreshToken)).body.error).toBe('invalid_grant');
      expect(await endOf(app)).toMatchObject({ cause: 'right-ended' });
    } finally {
      server.upstream.resources.set(fhirUser, person);
    }
  });

  test('does not come back with a database that has not heard of its end', async () => {
    const app = await server.approved();
    const { body, refreshToken } = await lasting(app);
    const grant = String((await server.claimsOf(body.access_token))['gatehouse_grant']);
    await server.sql(
      `CREATE TABLE protocol.before AS SELECT * FROM protocol.refresh_tokens WHERE grant_id = '${grant}'`,
    );
    const form = new URLSearchParams({ client_id: app.client.clientId, token: refreshToken });
    await server.service.call('/oauth/revoke', { method: 'POST', body: form });
    await endOf(app);
    await server.sql(`UPDATE protocol.grants SET ended_at = NULL WHERE grant_id = '${grant}'`);
    await server.sql('INSERT INTO protocol.refresh_tokens SELECT * FROM protocol.before');
    expect((await server.refresh(app, refreshToken)).body.error).toBe('invalid_grant');
    expect(
      await server.sql(`SELECT ended_at IS NULL AS stands FROM protocol.grants WHERE grant_id = '${grant}'`),
    ).toEqual([{ stands: false }]);
  });

  test('that could not be ended in the database was not ended in the log either', async () => {
    const app = await server.approved();
    const { refreshToken } = await lasting(app);
    await server.sql(`ALTER TABLE protocol.grants ADD CONSTRAINT endless CHECK (ended_at IS NULL) NOT VALID`);
    const form = new URLSearchParams({ client_id: app.client.clientId, token: refreshToken });
    const revoke = () => server.service.call('/oauth/revoke', { method: 'POST', body: form });
    const failed = await revoke();
    await server.sql('ALTER TABLE protocol.grants DROP CONSTRAINT endless');
    const again = Date.now();
    expect([failed.status, (await revoke()).status]).toEqual([500, 200]);
    await endOf(app);
    const ended = server.events.find(({ type, meta }) => type === 'grant-revoked' && meta.subject === app.id);
    expect(Date.parse(ended?.meta.time ?? '')).toBeGreaterThanOrEqual(again);
  });

  test('is kept while nobody says who may see whom', async () => {
    const app = await server.approved();
    const { refreshToken } = await lasting(app);
    server.upstream.fails(500);
    expect(await server.refresh(app, refreshToken)).toMatchObject({
      status: 503,
      body: { error: 'temporarily_unavailable' },
    });
    server.upstream.fails(undefined);
    expect((await server.refresh(app, refreshToken)).status).toBe(200);
  });

  test('that a compromised key has earned is dead', async () => {
    const app = await server.approved('confidential-asymmetric');
    const sign = async (fields: Record<string, string>) =>
      server.token(
        Object.fromEntries(app.client.form(await app.client.assertion(`${server.service.url}/oauth/token`), fields)),
      );
    const { url, verifier } = server.request(app, { scope });
    const code = (await server.agree(testBrowser(), url, [['duration', 'offline']])).searchParams.get('code') ?? '';
    const redeemed = { grant_type: 'authorization_code', redirect_uri: server.back, code, code_verifier: verifier };
    const { body } = await sign(redeemed);
    const removed = { kid: app.client.key.kid, thumbprint: app.client.key.thumbprint, compromised: true };
    await server.happened(app, { type: 'keys-changed', data: { removed } });
    const again = async () => sign({ grant_type: 'refresh_token', refresh_token: body.refresh_token ?? '' });
    let answer = await again();
    for (const giveUp = Date.now() + 30_000; answer.status === 200 && Date.now() < giveUp;) answer = await again();
    expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
  });

  test('does not stand in the database', async () => {
    const app = await server.approved();
    const { refreshToken } = await lasting(app);
    const { body } = await server.refresh(app, refreshToken);
    const kept = JSON.stringify([
      await server.sql('SELECT * FROM protocol.refresh_tokens'),
      await server.sql('SELECT * FROM protocol.provider_records'),
      await server.sql('SELECT * FROM protocol.grants'),
    ]);
    for (const token of [refreshToken, body.refresh_token ?? '']) {
      expect(kept).not.toContain(token);
      expect(kept).not.toContain(Buffer.from(token).toString('hex'));
    }
  });
});

describe('access while the user is signed in', () => {
  test('[SMART 2.2 §3.0.4] online_access ends with the session', async () => {
    const app = await server.approved();
    const { body } = await server.granted(app, { scope: 'launch/patient patient/*.rs online_access' });
    const next = await server.refresh(app, body.refresh_token);
    expect(next.status).toBe(200);
    await server.sql('DELETE FROM protocol.sessions');
    expect((await server.refresh(app, next.body.refresh_token)).body.error).toBe('invalid_grant');
  });
});

describe('what a client ends (RFC 7009)', () => {
  const revoke = (app: TestApp, token: string) =>
    server.service.call('/oauth/revoke', {
      method: 'POST',
      body: new URLSearchParams({ client_id: app.client.clientId, token }),
    });

  test('[RFC 7009 §2.1] with a refresh token the whole grant', async () => {
    const app = await server.approved();
    const { body, refreshToken } = await lasting(app);
    expect((await revoke(app, refreshToken)).status).toBe(200);
    expect(await endOf(app)).toMatchObject({
      cause: 'revoked-by-client',
      grantId: (await server.claimsOf(body.access_token))['gatehouse_grant'],
    });
    expect((await server.refresh(app, refreshToken)).body.error).toBe('invalid_grant');
    expect((await revoke(app, refreshToken)).status).toBe(200);
  });

  test.each(['refresh_token', 'access_token'] as const)(
    '[RFC 7009 §2] a %s: answers when no enforcement point believes it, to whoever asks again meanwhile too',
    async (kind) => {
      const [app, behind] = [await server.approved(), await gatewayElsewhere()];
      await behind.reports(0n);
      const { body } = await lasting(app);
      const began = performance.now();
      const ask = async () => {
        const { status } = await revoke(app, body[kind] ?? '');
        return { status, after: performance.now() - began };
      };
      const asked = [ask(), ask()];
      const ends = kind === 'refresh_token' ? 'grant-revoked' : 'token-revoked';
      await server.gathered(server.events, ({ type, meta }) => type === ends && meta.subject === app.id);
      asked.push(ask());
      // Whoever waits for nothing has been answered by now.
      for (let times = 0; times < 20; times++) expect((await revoke(app, 'nonsense')).status).toBe(200);
      // Past its lease nobody waits for that gateway any more.
      const atLeast = Math.min(performance.now() - began, enforcementTiming.leaseMs);
      await behind.reports(1_000_000n);
      for (const { status, after } of await Promise.all(asked)) {
        expect(status).toBe(200);
        expect(after).toBeGreaterThan(atLeast);
      }
      await behind.close();
    },
  );

  /** A gateway that reports what the test says, and nothing by itself. */
  async function gatewayElsewhere() {
    const { settings } = server;
    const reports = new OrderedAppender(settings, { deadlineMs: 10_000 });
    const key = new PointKey();
    const id = key.idOf('gateway');
    const report = async (upTo: bigint, stopped = false) => {
      const value = encodeReport({
        id,
        kind: 'gateway',
        positions: {
          [topicsOf(tokenContext).events.name]: Array.from({ length: PARTITIONS }, () => String(upTo)),
        },
        appliedAt: new Date().toISOString(),
        inFlightWrites: {},
        stopped,
      });
      await reports.append(settings.prefix + enforcementTopic.name, 0, { key: id, value: key.sign(value) });
    };
    return {
      reports: (upTo: bigint) => report(upTo),
      close: async () => {
        await report(0n, true);
        await reports.close();
      },
    };
  }

  test('not another’s', async () => {
    const [app, other] = [await server.approved(), await server.approved()];
    const { refreshToken } = await lasting(app);
    expect((await revoke(other, refreshToken)).status).toBe(400);
    expect((await server.refresh(app, refreshToken)).status).toBe(200);
  });
});

describe('what is told of a token (RFC 7662)', () => {
  async function introspect(headers: Record<string, string>, form: Record<string, string>) {
    const response = await server.service.call('/oauth/introspect', {
      method: 'POST',
      headers,
      body: new URLSearchParams(form),
    });
    const body = (await response.json()) as Record<string, unknown>;
    return { status: response.status, body, challenge: response.headers.get('www-authenticate') };
  }
  const point = () => server.issuer.bearer('gateway', 'enforcement-point');

  test('[SMART 2.2 §6.1] to an enforcement point: who, for what, until when', async () => {
    const app = await server.approved();
    const { body, refreshToken } = await lasting(app);
    const told = await introspect(await point(), { token: body.access_token });
    expect(told).toMatchObject({
      status: 200,
      body: expect.objectContaining({
        active: true,
        client_id: app.client.clientId,
        scope: body.scope,
        iss: server.service.url,
        sub: expect.any(String),
        exp: expect.any(Number),
        patient: 'p1',
        fhirUser: `${server.fhirBase}/Patient/p1`,
      }),
    });
    expect((await introspect(await point(), { token: refreshToken })).body).toMatchObject({ active: true });
  });

  test('what was approved once and is approved no more is not told', async () => {
    const app = await server.approved();
    const { body, refreshToken } = await lasting(app);
    await server.narrowed(app, ['launch/patient', 'patient/Patient.rs', 'offline_access']);
    const scopeOf = async (token: string) => (await introspect(await point(), { token })).body['scope'];
    let scope = await scopeOf(body.access_token);
    for (const giveUp = Date.now() + 30_000; String(scope).includes('Observation') && Date.now() < giveUp;)
      scope = await scopeOf(body.access_token);
    expect(scope).toBe('launch/patient patient/Patient.read offline_access');
    expect(await scopeOf(refreshToken)).toBe('launch/patient patient/Patient.read offline_access');
  });

  test('[RFC 7662 §2.2] of a dead one nothing', async () => {
    const app = await server.approved();
    const { body, refreshToken } = await lasting(app);
    await server.refresh(app, refreshToken);
    const dead = { status: 200, body: { active: false }, challenge: null };
    expect(await introspect(await point(), { token: refreshToken })).toEqual(dead);
    expect(await introspect(await point(), { token: 'nonsense' })).toEqual(dead);
    expect(await introspect(await point(), { token: `${body.access_token}x` })).toEqual(dead);
    await server.suspended(app);
    expect(await introspect(await point(), { token: body.access_token })).toEqual(dead);
  });

  test('to a client its own alone', async () => {
    const [app, other] = [await server.approved(), await server.approved('confidential-symmetric')];
    const { body } = await lasting(app);
    const basic = Buffer.from(`${other.client.clientId}:${server.secret}`).toString('base64');
    const told = await introspect({ authorization: `Basic ${basic}` }, { token: body.access_token });
    expect(told).toEqual({ status: 200, body: { active: false }, challenge: null });
  });

  test('to a public client, to its own bearer, to another role and to nobody: nothing', async () => {
    const app = await server.approved();
    const { body } = await lasting(app);
    const form = { token: body.access_token };
    const noClient = { status: 401, body: { error: 'invalid_client' }, challenge: expect.stringMatching(/^Basic /) };
    expect(await introspect({}, { ...form, client_id: app.client.clientId })).toMatchObject(noClient);
    expect(await introspect({}, form)).toMatchObject(noClient);
    expect(await introspect({ authorization: `Bearer ${body.access_token}` }, form)).toMatchObject({
      status: 401,
      body: { error: 'invalid_token' },
      challenge: expect.stringMatching(/^Bearer error="invalid_token"/),
    });
    expect((await introspect(await server.issuer.bearer('op', 'operator'), form)).status).toBe(403);
  });

  test('is asked for by POST, and nothing stands below it', async () => {
    const got = await server.service.call('/oauth/introspect');
    expect([got.status, got.headers.get('allow')]).toEqual([405, 'POST']);
    expect((await server.service.call('/oauth/introspect/more', { method: 'POST' })).status).toBe(404);
  });
});
