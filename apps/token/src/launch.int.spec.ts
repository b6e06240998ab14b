import { testAuthorization, testBrowser, type TestApp, type TestAuthorization } from '#testing';
import { tokenPart } from './token.part.js';

let server: TestAuthorization;

beforeAll(async () => {
  server = await testAuthorization(tokenPart);
}, 60_000);
afterAll(() => server.close(), 60_000);
beforeEach(() => server.signInAs());

const errorOf = (url: string) => new URL(url).searchParams.get('error');

/** An EHR mints a launch. */
async function mint(app: TestApp, fields: object, role = 'launcher') {
  const response = await server.service.call('/oauth/launches', {
    headers: await server.issuer.bearer('the-ehr', role),
    json: { clientId: app.client.clientId, ...fields },
  });
  return { status: response.status, body: (await response.json()) as { launch: string; expiresAt: string } };
}

/** What an application gets that starts with a launch. */
async function launched(
  app: TestApp,
  launch: string,
  scope = 'launch openid fhirUser patient/*.rs',
  browser = testBrowser(),
) {
  const { url, verifier } = server.request(app, { scope, launch });
  const answer = await server.agree(browser, url);
  const code = answer.searchParams.get('code');
  return {
    error: errorOf(answer.href),
    body: code === null ? undefined : (await server.redeem(app, code, verifier)).body,
  };
}

describe('a launch by an EHR', () => {
  test('[SMART 2.2 §2.0.2.1] brings what the EHR has open', async () => {
    server.signInAs('doctor', 'Practitioner/d1');
    const app = await server.approved();
    const fhirContext = [
      { reference: 'ImagingStudy/i1' },
      { canonical: 'https://forms.example/q|1', type: 'Questionnaire' },
    ];
    const { status, body } = await mint(app, {
      user: 'doctor',
      patient: 'p1',
      encounter: 'e1',
      fhirContext,
      intent: 'reconcile',
      tenant: 'north',
    });
    expect([status, body]).toEqual([201, { launch: expect.any(String), expiresAt: expect.any(String) }]);
    expect(Date.parse(body.expiresAt)).toBeLessThanOrEqual(Date.now() + 301_000);
    expect((await launched(app, body.launch)).body).toMatchObject({
      patient: 'p1',
      encounter: 'e1',
      intent: 'reconcile',
      tenant: 'north',
      fhirContext,
      scope: 'launch openid fhirUser patient/*.rs',
    });
  });

  test('[SMART 2.2 §6.1] is told again to who introspects the token', async () => {
    server.signInAs('doctor', 'Practitioner/d1');
    const app = await server.approved();
    const context = { patient: 'p1', encounter: 'e1', intent: 'reconcile', tenant: 'north' };
    const fhirContext = [{ reference: 'ImagingStudy/i1' }];
    const { body } = await mint(app, { user: 'doctor', ...context, fhirContext });
    const { body: token } = await launched(app, body.launch);
    const response = await server.service.call('/oauth/introspect', {
      method: 'POST',
      headers: await server.issuer.bearer('gateway', 'enforcement-point'),
      body: new URLSearchParams({ token: token?.access_token ?? '' }),
    });
    const { iss, sub } = await server.claimsOf(token?.id_token ?? '');
    const told = { ...context, fhirContext, need_patient_banner: true, iss, sub, scope: token?.scope };
    expect(await response.json()).toMatchObject({ ...told, fhirUser: `${server.fhirBase}/Practitioner/d1` });
  });

  test('an encounter brings its patient', async () => {
    server.signInAs('doctor', 'Practitioner/d1');
    const app = await server.approved();
    const { body } = await mint(app, { user: 'Practitioner/d1', encounter: 'e3' });
    expect((await launched(app, body.launch)).body).toMatchObject({ patient: 'p2', encounter: 'e3' });
  });

  test('is spent with the code, and works once', async () => {
    const app = await server.approved();
    const { body } = await mint(app, { user: 'ada', patient: 'p1' });
    // Two tabs come to the page; one code is issued.
    const [one, other] = [testBrowser(), testBrowser()];
    const request = () => server.request(app, { scope: 'launch patient/*.rs', launch: body.launch }).url;
    const pages = await Promise.all([server.toPage(one, request()), server.toPage(other, request())]);
    const fields = (csrf: string): [string, string][] => [
      ['csrf', csrf],
      ['decision', 'allow'],
      ['scope', 'patient/*.rs'],
    ];
    const first = await one.post(`${pages[0].url}/consent`, fields(pages[0].csrf), server.back);
    const second = await other.post(`${pages[1].url}/consent`, fields(pages[1].csrf), server.back);
    expect(new URL(first.url).searchParams.get('code')).toEqual(expect.any(String));
    expect([errorOf(second.url), new URL(second.url).searchParams.get('code')]).toEqual([expect.any(String), null]);
    expect((await launched(app, body.launch)).error).toBe('invalid_request');
  });

  test('of another application, or for another user, is none', async () => {
    const [app, other] = [await server.approved(), await server.approved()];
    const mine = await mint(app, { user: 'ada', patient: 'p1' });
    expect((await launched(other, mine.body.launch)).error).toBe('invalid_request');
    const theirs = await mint(app, { user: 'bo', patient: 'p1' });
    expect((await launched(app, theirs.body.launch)).error).toBe('access_denied');
  });

  test('that has expired, or that nobody minted, is none', async () => {
    const app = await server.approved();
    const { body } = await mint(app, { user: 'ada', patient: 'p1' });
    await server.sql(`UPDATE protocol.launches SET expires_at = now() - interval '1 second'`);
    expect((await launched(app, body.launch)).error).toBe('invalid_request');
    expect((await launched(app, 'nonsense')).error).toBe('invalid_request');
  });

  test('shows no patient whom the user may not see', async () => {
    server.signInAs('doctor', 'Practitioner/d2');
    const app = await server.approved();
    const { body } = await mint(app, { user: 'doctor', patient: 'p1' });
    expect((await launched(app, body.launch)).error).toBe('access_denied');
  });

  test('is kept as a hash alone', async () => {
    const app = await server.approved();
    const { body } = await mint(app, { user: 'ada', patient: 'p1' });
    await server.toPage(testBrowser(), server.request(app, { scope: 'launch patient/*.rs', launch: body.launch }).url);
    const kept = JSON.stringify([
      await server.sql('SELECT * FROM protocol.launches'),
      await server.sql('SELECT * FROM protocol.provider_records'),
    ]);
    expect(kept).not.toContain(body.launch);
  });

  test.each(['operator', 'developer', 'reviewer'])('is minted by a launcher, and not by %s', async (role) => {
    const app = await server.approved();
    expect((await mint(app, { user: 'ada' }, role)).status).toBe(403);
  });

  test.each([
    ['an application that nobody knows', { clientId: 'nobody', user: 'ada' }, 422],
    ['an encounter of another patient', { user: 'ada', patient: 'p1', encounter: 'e3' }, 422],
    ['an encounter that is not there', { user: 'ada', encounter: 'none' }, 422],
    ['no user', {}, 400],
    ['a patient that is no id', { user: 'ada', patient: '../Practitioner/d1' }, 400],
    ['context of nothing', { user: 'ada', fhirContext: [{}] }, 400],
    ['a role that is no URI', { user: 'ada', fhirContext: [{ reference: 'Task/t1', role: 'reason' }] }, 400],
    ['a field that nobody knows', { user: 'ada', scope: 'patient/*.rs' }, 400],
  ])('is not minted for %s', async (_what, fields, status) => {
    const app = await server.approved();
    expect((await mint(app, fields)).status).toBe(status);
  });
});

describe('the patient of a standalone launch', () => {
  const pick = async (patient: string, fields: [string, string][] = []) => {
    server.signInAs('doctor', 'Practitioner/d1');
    const app = await server.approved();
    const browser = testBrowser();
    const { url, verifier } = server.request(app, { scope: 'launch/patient patient/*.rs' });
    const { url: at, csrf, page } = await server.toPage(browser, url);
    const next = await browser.post(`${at}/patient`, [['csrf', csrf], ['patient', patient], ...fields], server.back);
    return { app, browser, url, verifier, page, next };
  };

  test('[SMART 2.2 §3.0.3.2] is chosen by who may see several', async () => {
    const { app, browser, url, verifier, page, next } = await pick('p2');
    expect(page).toContain('value="p1"');
    expect(page).toContain('value="p2"');
    expect(page).not.toContain('value="p3"');
    expect(next.page).toContain('Bo Example');
    expect(url).toContain('scope');
    const csrf = /name="csrf" value="([^"]+)"/.exec(next.page ?? '')?.[1] ?? '';
    const answer = await browser.post(
      `${next.url}/consent`,
      [
        ['csrf', csrf],
        ['decision', 'allow'],
        ['scope', 'patient/*.rs'],
      ],
      server.back,
    );
    const { body } = await server.redeem(app, new URL(answer.url).searchParams.get('code'), verifier);
    expect(body).toMatchObject({ patient: 'p2' });
  });

  test.each(['p3', 'nobody', '../p1', ''])('is never %s, whom the user may not see', async (patient) => {
    const { next } = await pick(patient);
    expect(next.page).toContain('Choose one person');
  });

  test('cannot be skipped', async () => {
    server.signInAs('doctor', 'Practitioner/d1');
    const app = await server.approved();
    const browser = testBrowser();
    const { url: at, csrf } = await server.toPage(browser, server.request(app).url);
    const skipped = await browser.post(
      `${at}/consent`,
      [
        ['csrf', csrf],
        ['decision', 'allow'],
        ['scope', 'patient/Patient.rs'],
      ],
      server.back,
    );
    expect(skipped.page).toContain('Choose one person');
  });

  test('is the relative’s own', async () => {
    server.signInAs('relative', 'RelatedPerson/r1');
    const app = await server.approved();
    expect((await server.granted(app)).body).toMatchObject({ patient: 'p2' });
  });

  test.each([
    ['nobody’s patients', 'Practitioner/d3'],
    ['a resource that is not there', 'Patient/none'],
    ['no resource of a person', 'Device/d'],
  ])('is nobody for %s', async (_what, fhirUser) => {
    server.signInAs('somebody', fhirUser);
    const app = await server.approved();
    const answer = await server.toPage(testBrowser(), server.request(app).url);
    expect(errorOf(answer.url)).toBe('access_denied');
  });

  test('[SMART 2.2 §3.0.3.2] an encounter is chosen as well, or none', async () => {
    const app = await server.approved();
    const visit = async (encounter: string) => {
      const browser = testBrowser();
      const { url, verifier } = server.request(app, { scope: 'launch/patient launch/encounter patient/*.rs' });
      const { url: at, csrf, page } = await server.toPage(browser, url);
      expect(page).toContain('Choose one visit');
      expect(page).not.toContain('value="e3"');
      const next = await browser.post(
        `${at}/encounter`,
        [
          ['csrf', csrf],
          ['encounter', encounter],
        ],
        server.back,
      );
      if (next.page?.includes('Choose one visit') === true) return 'asked again';
      const answer = await browser.post(
        `${next.url}/consent`,
        [
          ['csrf', csrf],
          ['decision', 'allow'],
          ['scope', 'patient/*.rs'],
        ],
        server.back,
      );
      return (await server.redeem(app, new URL(answer.url).searchParams.get('code'), verifier)).body['encounter'];
    };
    expect(await visit('e2')).toBe('e2');
    expect(await visit('')).toBeUndefined();
    expect(await visit('e3')).toBe('asked again');
  });
});

describe('what a person let in', () => {
  const page = async (browser: ReturnType<typeof testBrowser>) => {
    const { page: html = '', ...rest } = await browser.follow(`${server.service.url}/oauth/grants`, server.back);
    return { html, csrf: /name="csrf" value="([^"]+)"/.exec(html)?.[1] ?? '', ...rest };
  };
  const grantIn = (html: string) => /name="grant" value="([^"]+)"/.exec(html)?.[1] ?? '';

  test('[SMART 2.2 §2.0.3] is seen, and withdrawn at once, with the receipt', async () => {
    server.signInAs('cleo', 'Patient/p2');
    const app = await server.approved();
    const scope = 'launch/patient patient/*.rs offline_access';
    const { body, browser } = await server.granted(app, { scope }, [['duration', 'offline']]);
    const { html, csrf } = await page(browser);
    expect(html).toContain('Growth &amp; Chart');
    expect(html).toContain('App approved by Gatehouse until January 1, 2999');
    const withdrawal = `${server.service.url}/oauth/grants/withdrawals`;
    const after = await browser.post(
      withdrawal,
      [
        ['csrf', csrf],
        ['grant', grantIn(html)],
      ],
      server.back,
    );
    expect(after.page).toMatch(/role="status"[^]*has no access any more[^]*In force since/);
    expect(grantIn(after.page ?? '')).toBe('');
    expect((await server.refresh(app, body.refresh_token)).body.error).toBe('invalid_grant');
    const ended = await server.gathered(
      server.events,
      ({ type, meta }) => type === 'grant-revoked' && meta.subject === app.id,
    );
    expect(ended.data).toMatchObject({ cause: 'withdrawn' });
  });

  test('is withdrawn by nobody else, and by no other page', async () => {
    server.signInAs('cleo', 'Patient/p2');
    const app = await server.approved();
    const { browser } = await server.granted(app);
    const { html, csrf } = await page(browser);
    const withdrawal = `${server.service.url}/oauth/grants/withdrawals`;
    expect((await browser.post(withdrawal, [['grant', grantIn(html)]], server.back)).status).toBe(403);
    server.signInAs('dora', 'Patient/p1');
    const other = testBrowser();
    const theirs = await page(other);
    expect(theirs.html).not.toContain(grantIn(html));
    const stolen = await other.post(
      withdrawal,
      [
        ['csrf', theirs.csrf],
        ['grant', grantIn(html)],
      ],
      server.back,
    );
    expect(stolen.status).toBe(404);
    const forged = await other.post(
      withdrawal,
      [
        ['csrf', csrf],
        ['grant', grantIn(html)],
      ],
      server.back,
    );
    expect(forged.status).toBe(403);
  });

  test('signed out, nobody is shown it', async () => {
    const app = await server.approved();
    const { browser } = await server.granted(app);
    const { csrf } = await page(browser);
    expect(
      (await browser.post(`${server.service.url}/oauth/grants/sign-out`, [['csrf', csrf]], server.back)).status,
    ).toBe(200);
    const response = await browser.go(`${server.service.url}/oauth/grants`);
    expect([response.status, response.headers.get('location')]).toEqual([
      303,
      expect.stringContaining(server.issuer.issuer),
    ]);
  });
});
