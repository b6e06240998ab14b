import { freePort, startTestService, testIssuer, type TestIssuer, type TestService } from '#testing';
import { Controller, Get, Module, UseFilters, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { base64url, exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import { isolate, type Isolation } from '../../../../test/environment/isolation.js';
import { CurrentCaller, type Caller } from './caller.js';
import { Public, Roles } from './route-access.js';

class OwnShape implements ExceptionFilter {
  catch(_error: unknown, host: ArgumentsHost): void {
    void host.switchToHttp().getResponse<FastifyReply>().status(401).send({ error: 'invalid_client' });
  }
}

@Controller('doors')
class DoorsController {
  @Get('review')
  @Roles('reviewer')
  review(@CurrentCaller() caller: Caller) {
    return caller;
  }

  @Get('audit')
  @Roles('auditor', 'operator')
  audit(@CurrentCaller() caller: Caller) {
    return caller;
  }

  @Get('own-shape')
  @Roles('auditor')
  @UseFilters(OwnShape)
  ownShape() {
    return {};
  }
}

@Module({ controllers: [DoorsController] })
class DoorsModule {}

@Controller('silent')
class SilentController {
  @Get('one')
  one() {
    return {};
  }

  @Get('two')
  @Public()
  two() {
    return {};
  }
}

@Module({ controllers: [SilentController] })
class SilentModule {}

const doors = { name: 'doors', defaultPort: 0, module: DoorsModule };

describe('who is believed', () => {
  let own: Isolation;
  let issuer: TestIssuer;
  let service: TestService;

  beforeAll(async () => {
    [own, issuer] = await Promise.all([isolate(), testIssuer()]);
    service = await startTestService(doors, { databaseUrl: own.databaseUrl, issuer });
  }, 30_000);

  afterAll(async () => {
    await service.close();
    await Promise.all([own.dispose(), issuer.close()]);
  });

  const call = (token: string, path = '/doors/review', of = service) =>
    of.call(path, { headers: { authorization: `Bearer ${token}` } });
  const now = () => Math.floor(Date.now() / 1000);
  const reviewer = { sub: 'rev', roles: ['reviewer'] };

  it('lets a caller in whose token names the role, under a random id that stays', async () => {
    const [first, second] = await Promise.all([call(await issuer.token(reviewer)), call(await issuer.token(reviewer))]);
    const [one, two] = (await Promise.all([first.json(), second.json()])) as [Caller, Caller];
    expect(one).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      issuer: issuer.issuer,
      subject: 'rev',
      roles: ['reviewer'],
    });
    expect(two.id).toBe(one.id);
    expect(one.id).not.toContain('rev');
  });

  it('403: another role, or one that nobody knows', async () => {
    const developer = await call(await issuer.token({ roles: ['developer'] }));
    const invented = await call(await issuer.token({ roles: ['root', 'REVIEWER', 'constructor'] }));
    const none = await call(await issuer.token({ roles: undefined }));
    expect([developer.status, invented.status, none.status]).toEqual([403, 403, 403]);
  });

  it('401 with a challenge: no token', async () => {
    const response = await service.call('/doors/review');
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
  });

  describe('refuses with 401 invalid_token', () => {
    async function refused(token: string) {
      const response = await call(token);
      const body = (await response.json()) as { detail: string };
      expect(response.status).toBe(401);
      expect(response.headers.get('www-authenticate')).toContain('error="invalid_token"');
      expect(JSON.stringify(body)).not.toContain(token);
      return body.detail;
    }

    it.each([
      ['another audience', { aud: 'https://other.example.org' }],
      [
        'the FHIR base as audience: a SMART access token',
        { aud: 'http://127.0.0.1:8080/fhir', scope: 'system/*.rs', client_id: 'app' },
      ],
      ['no audience', { aud: undefined }],
      ['another issuer', { iss: 'https://evil.example.org' }],
      ['no issuer', { iss: undefined }],
      ['no expiry', { exp: undefined }],
      ['no subject', { sub: undefined }],
      ['an empty subject', { sub: '' }],
      ['a subject that is no text', { sub: 5 }],
      ['expired longer ago than the clocks may differ', { exp: Math.floor(Date.now() / 1000) - 31 }],
      ['not valid for longer than the clocks may differ', { nbf: Math.floor(Date.now() / 1000) + 60 }],
      ['bound to a key (DPoP)', { cnf: { jkt: 'x' } }],
      ['bound to a certificate', { cnf: { 'x5t#S256': 'x' } }],
    ])('%s', async (_name, claims) => {
      await refused(await issuer.token({ ...reviewer, ...claims } as Record<string, unknown>));
    });

    it.each([['JWT'], ['dpop+jwt'], ['logout+jwt'], ['secevent+jwt'], [undefined], ['']])('the typ %s', async (typ) => {
      expect(await refused(await issuer.token(reviewer, { typ } as { typ: string }))).toContain('typ');
    });

    it('an algorithm without a key: none', async () => {
      await refused(
        new UnsecuredJWT({ ...reviewer, iss: issuer.issuer, aud: issuer.audience, exp: now() + 60 }).encode(),
      );
      const [, payload] = (await issuer.token(reviewer)).split('.');
      await refused(`${base64url.encode(JSON.stringify({ alg: 'none', typ: 'at+jwt' }))}.${payload}.`);
    });

    it('a symmetric algorithm, keyed with the public key', async () => {
      const { keys } = (await (await fetch(`${issuer.issuer}/jwks`)).json()) as { keys: object[] };
      const secret = new TextEncoder().encode(JSON.stringify(keys[0]));
      await refused(
        await new SignJWT({ ...reviewer, iss: issuer.issuer, aud: issuer.audience, exp: now() + 60 })
          .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid: 'k1' })
          .sign(secret),
      );
    });

    it('an asymmetric algorithm that is not in the list', async () => {
      const { privateKey } = await generateKeyPair('ES512');
      expect(await refused(await issuer.token(reviewer, { alg: 'ES512' }, privateKey))).toContain('algorithm');
    });

    it('a stranger’s key under a known name', async () => {
      const { privateKey } = await generateKeyPair('ES256');
      expect(await refused(await issuer.token(reviewer, {}, privateKey))).toContain('signature');
    });

    it('a stranger’s key that the token brings along', async () => {
      const { privateKey, publicKey } = await generateKeyPair('ES256');
      const jwk = await exportJWK(publicKey);
      await refused(await issuer.token(reviewer, { jwk, kid: 'mine', jku: 'http://127.0.0.1:1/keys' }, privateKey));
    });

    it('a payload that was changed', async () => {
      const [header, payload, signature] = (await issuer.token({ roles: ['developer'] })).split('.');
      const claims = JSON.parse(new TextDecoder().decode(base64url.decode(payload ?? ''))) as object;
      await refused(`${header}.${base64url.encode(JSON.stringify({ ...claims, roles: ['operator'] }))}.${signature}`);
    });

    it.each([['opaque0token'], ['a.b.c'], ['....'], ['eyJhbGciOiJFUzI1NiJ9.e30.AAAA']])(
      'what is no JWT: %s',
      async (token) => {
        await refused(token);
      },
    );
  });

  it('believes a clock that is off by less than the bound', async () => {
    const response = await call(await issuer.token({ ...reviewer, exp: now() - 10, nbf: now() + 10 }));
    expect(response.status).toBe(200);
  });

  it.each([
    ['an id_token with a nonce', { nonce: 'n' }],
    ['an id_token with the hash of an access token', { at_hash: 'h' }],
    ['an id_token that says so', { typ: 'ID' }],
  ])('refuses %s, also of a provider that gives both kinds one typ', async (_name, claims) => {
    const lax = await startTestService(doors, {
      databaseUrl: own.databaseUrl,
      issuer,
      environment: { IDENTITY_TYP: 'JWT' },
    });
    try {
      const good = await call(await issuer.token(reviewer, { typ: 'JWT' }), '/doors/review', lax);
      const bad = await call(await issuer.token({ ...reviewer, ...claims }, { typ: 'JWT' }), '/doors/review', lax);
      expect([good.status, bad.status]).toEqual([200, 401]);
    } finally {
      await lax.close();
    }
  });

  it('refuses a token in the query string, with or without a good one in the header', async () => {
    const token = await issuer.token(reviewer);
    const [alone, beside] = await Promise.all([
      service.call(`/doors/review?access_token=${token}`),
      call(token, `/doors/review?access_token=${token}`),
    ]);
    expect([alone.status, beside.status]).toEqual([400, 400]);
  });

  it.each([['Basic ZGV2OmRldg=='], ['DPoP abc'], ['Bearer'], ['Bearer a b'], ['Token abc']])(
    'refuses the credential %s',
    async (authorization) => {
      expect((await service.call('/doors/review', { headers: { authorization } })).status).toBe(401);
    },
  );

  it('reads roles at a path, as a list or as words, and never from a prototype', async () => {
    const nested = await startTestService(doors, {
      databaseUrl: own.databaseUrl,
      issuer,
      environment: { IDENTITY_ROLES_CLAIM: 'realm_access.roles' },
    });
    try {
      const list = await call(await issuer.token({ realm_access: { roles: ['reviewer'] } }), '/doors/review', nested);
      const words = await call(
        await issuer.token({ realm_access: { roles: 'offline reviewer' } }),
        '/doors/review',
        nested,
      );
      const flat = await call(await issuer.token({ roles: ['reviewer'] }), '/doors/review', nested);
      expect([list.status, words.status, flat.status]).toEqual([200, 200, 403]);
    } finally {
      await nested.close();
    }
  });

  it('counts reviewer and operator only after the sign-in that is configured, and says which', async () => {
    const strict = await startTestService(doors, {
      databaseUrl: own.databaseUrl,
      issuer,
      environment: { IDENTITY_ACR: 'urn:mfa', IDENTITY_AMR: 'hwk,otp' },
    });
    try {
      const weak = await call(await issuer.token(reviewer), '/doors/review', strict);
      const half = await call(
        await issuer.token({ ...reviewer, acr: 'urn:mfa', amr: ['pwd'] }),
        '/doors/review',
        strict,
      );
      const strong = await call(
        await issuer.token({ ...reviewer, acr: 'urn:mfa', amr: ['pwd', 'otp'] }),
        '/doors/review',
        strict,
      );
      const operator = await call(await issuer.token({ roles: ['operator'] }), '/doors/audit', strict);
      const auditor = await call(await issuer.token({ roles: ['auditor', 'operator'] }), '/doors/audit', strict);
      expect([weak.status, half.status, strong.status, operator.status, auditor.status]).toEqual([
        401, 401, 200, 401, 200,
      ]);
      expect(weak.headers.get('www-authenticate')).toMatch(/insufficient_user_authentication.*acr_values="urn:mfa"/);
      expect(await auditor.json()).toMatchObject({ roles: ['auditor'] });
    } finally {
      await strict.close();
    }
  });

  it('lets a controller answer in its own shape, refusals included', async () => {
    const response = await service.call('/doors/own-shape');
    expect([response.status, await response.json()]).toEqual([401, { error: 'invalid_client' }]);
  });

  it('does not start with a route that names no role', async () => {
    const silent = startTestService(
      { name: 'silent', defaultPort: 0, module: SilentModule },
      { databaseUrl: own.databaseUrl, issuer },
    );
    await expect(silent).rejects.toThrow('SilentController.one');
    await expect(silent).rejects.not.toThrow('SilentController.two');
  });

  it('starts before its provider: 503 until it is there, then as ever', async () => {
    const port = await freePort();
    const early = await startTestService(doors, {
      databaseUrl: own.databaseUrl,
      issuer,
      environment: { IDENTITY_ISSUER: `http://127.0.0.1:${port}` },
    });
    let late: TestIssuer | undefined;
    try {
      const token = await issuer.token({ ...reviewer, iss: `http://127.0.0.1:${port}` });
      const before = await call(token, '/doors/review', early);
      expect([before.status, before.headers.get('retry-after')]).toEqual([503, '2']);
      const provider = (late = await testIssuer(port));
      const after = await untilAnswered(async () => call(await provider.token(reviewer), '/doors/review', early), 503);
      expect(after.status).toBe(200);
    } finally {
      await early.close();
      await late?.close();
    }
  });

  it('asks for keys once, however many come with an unknown one', async () => {
    const before = issuer.keyRequests();
    const tokens = await Promise.all(
      Array.from({ length: 20 }, (_, index) => issuer.token(reviewer, { kid: `unknown-${index}` })),
    );
    const responses = await Promise.all(tokens.map((token) => call(token)));
    expect(responses.every((response) => response.status === 401)).toBe(true);
    expect(issuer.keyRequests() - before).toBeLessThanOrEqual(1);
  });
});

/** Repeats a call while it answers with a status: the provider is asked again only after a pause. */
async function untilAnswered(call: () => Promise<Response>, status: number): Promise<Response> {
  const response = await call();
  return response.status === status ? untilAnswered(call, status) : response;
}
