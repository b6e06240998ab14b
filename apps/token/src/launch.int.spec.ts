import { createHash } from 'node:crypto';
import { testAuthorization, testBrowser, type TestApp, type TestAuthorization } from '#testing';
import { tokenPart } from './token.part.js';

let server: TestAuthorization;

beforeAll(async () => {
  server = await testAuthorization(tokenPart);
  const about = (id: string) => ({ subject: { reference: `Patient/${id}` } });
  const known = [
    { resourceType: 'ImagingStudy', id: 'i1', ...about('p1') },
    { resourceType: 'ImagingStudy', id: 'i2', ...about('p2') },
    { resourceType: 'ImagingStudy', id: 'i3', ...about('p3') },
    { resourceType: 'ImagingStudy', id: 'nobodys' },
    { resourceType: 'ImagingStudy', id: 'elsewhere', subject: { reference: 'https://other.example/fhir/Patient/p1' } },
    { resourceType: 'Task', id: 't1', for: { reference: 'Patient/p1' } },
    { resourceType: 'Task', id: 't2', for: { reference: 'Patient/p2' } },
    { resourceType: 'Provenance', id: 'v1', target: [{ reference: 'ImagingStudy/i2' }] },
  ];
  for (const resource of known) server.upstream.resources.set(`${resource.resourceType}/${resource.id}`, resource);
}, 60_000);
afterAll(() => server.close(), 60_000);
beforeEach(() => server.signInAs());

/** Another role than `launch`, and an identifier. */
const role = 'https://roles.example/relative';
const accession = { identifier: { system: 'urn:accessions', value: 'A-7' } };

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
      { reference: 'Practitioner/d2' },
      { canonical: 'https://forms.example/q|1', type: 'Questionnaire' },
      { identifier: { system: 'urn:accessions', value: 'A-7' }, type: 'ImagingStudy' },
      { reference: 'Task/t1', canonical: 'https://forms.example/task', role: 'https://roles.example/why' },
      { reference: 'Patient/p2', type: 'Patient', role: 'https://roles.example/mother' },
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

  test('[SMART 2.2 §2.0.9] brings a style that any page may read, under a URL that is its content’s', async () => {
    const app = await server.approved();
    const url = String((await server.granted(app)).body['smart_style_url']);
    const style = await fetch(url, { headers: { origin: 'https://app.example' } });
    expect([style.status, style.headers.get('access-control-allow-origin')]).toEqual([200, '*']);
    const content = await style.text();
    expect(JSON.parse(content)).toMatchObject({ color_text: expect.any(String), font_family_body: expect.any(String) });
    expect(url).toContain(createHash('sha256').update(content).digest('hex').slice(0, 16));
    expect((await fetch(url.replace(/\w{16}\.json$/, 'another.json'))).status).toBe(404);
  });

  test('is shown once: no key repeats an answer, nothing is there to read again, and the document says neither', async () => {
    const app = await server.approved();
    const asked = async () =>
      server.service.call('/oauth/launches', {
        headers: { ...(await server.issuer.bearer('the-ehr', 'launcher')), 'idempotency-key': 'the same' },
        json: { clientId: app.client.clientId, user: 'ada', patient: 'p1' },
      });
    const [first, again] = [await asked(), await asked()];
    for (const name of ['location', 'etag', 'gatehouse-position']) expect(first.headers.get(name)).toBeNull();
    expect(await again.json()).not.toMatchObject({ launch: ((await first.json()) as { launch: string }).launch });
    const { paths } = (await (await server.service.call('/docs/openapi.json')).json()) as {
      readonly paths: Readonly<Record<string, { readonly post?: object }>>;
    };
    for (const path of ['/oauth/launches', '/oauth/initial-access-tokens']) {
      expect(paths[path]?.post).toMatchObject({ responses: { 201: { content: expect.anything() } } });
      expect(JSON.stringify(paths[path]?.post)).not.toMatch(/Idempotency-Key|"202"|Location|ETag|Gatehouse-Position/);
    }
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

  const launchOf = async (app: TestApp, fields: object, scope?: string) => {
    const { status, body } = await mint(app, fields);
    expect(status).toBe(201);
    return launched(app, body.launch, scope);
  };

  test.each([
    ['another patient, who is chosen by who sees one', 'ada', 'Patient/p1', { reference: 'ImagingStudy/i2' }],
    ['a patient whom the user may not see', 'doctor', 'Practitioner/d1', { reference: 'Patient/p3', role }],
    ['what is of one', 'doctor', 'Practitioner/d1', { reference: 'ImagingStudy/i3', role }],
    ['a patient other than oneself', 'ada', 'Patient/p1', { reference: 'Patient/p2', role }],
  ])('brings nothing about %s', async (_what, sub, fhirUser, entry) => {
    server.signInAs(sub, fhirUser);
    const app = await server.approved();
    const named = sub === 'ada' ? {} : { patient: 'p1' };
    expect(await launchOf(app, { user: sub, ...named, fhirContext: [entry] })).toEqual({ error: 'access_denied' });
  });

  test('without a patient brings what the user may see, and nothing else', async () => {
    server.signInAs('doctor', 'Practitioner/d1');
    const app = await server.approved();
    const scope = 'launch openid user/*.rs';
    const mine = [{ reference: 'ImagingStudy/i1' }, { reference: 'ImagingStudy/i2' }];
    expect((await launchOf(app, { user: 'doctor', fhirContext: mine }, scope)).body).toMatchObject({
      fhirContext: mine,
    });
    const theirs = [...mine, { reference: 'ImagingStudy/i3' }];
    expect(await launchOf(app, { user: 'doctor', fhirContext: theirs }, scope)).toEqual({ error: 'access_denied' });
  });

  test('brings nothing that became another patient’s since it was minted', async () => {
    const app = await server.approved();
    const study = server.upstream.resources.get('ImagingStudy/i1') ?? {};
    const { body } = await mint(app, { user: 'ada', patient: 'p1', fhirContext: [{ reference: 'ImagingStudy/i1' }] });
    server.upstream.resources.set('ImagingStudy/i1', { ...study, subject: { reference: 'Patient/p2' } });
    try {
      expect(await launched(app, body.launch)).toEqual({ error: 'access_denied' });
    } finally {
      server.upstream.resources.set('ImagingStudy/i1', study);
    }
  });

  test('ends with the right to see another patient of its context', async () => {
    server.signInAs('doctor', 'Practitioner/d1');
    const app = await server.approved();
    const fhirContext = [{ reference: 'Patient/p2', role }];
    const { body: minted } = await mint(app, { user: 'doctor', patient: 'p1', fhirContext });
    const { url, verifier } = server.request(app, {
      scope: 'launch patient/*.rs offline_access',
      launch: minted.launch,
    });
    const answer = await server.agree(testBrowser(), url, [['duration', 'offline']]);
    const { body } = await server.redeem(app, answer.searchParams.get('code'), verifier);
    const patient = server.upstream.resources.get('Patient/p2') ?? {};
    server.upstream.resources.set('Patient/p2', { ...patient, generalPractitioner: [] });
    try {
      expect((await server.refresh(app, body.refresh_token)).body.error).toBe('invalid_grant');
    } finally {
      server.upstream.resources.set('Patient/p2', patient);
    }
  });

  test('is not minted while nobody looks its context up', async () => {
    const app = await server.approved();
    server.upstream.fails(500);
    try {
      expect((await mint(app, { user: 'ada', fhirContext: [{ reference: 'ImagingStudy/i1' }] })).status).toBe(503);
    } finally {
      server.upstream.fails(undefined);
    }
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
    ['context by a type alone', { user: 'ada', fhirContext: [{ type: 'ImagingStudy' }] }, 400],
    ['an identifier without a value', { user: 'ada', fhirContext: [{ identifier: { system: 'urn:x' } }] }, 400],
    ['an empty role', { user: 'ada', fhirContext: [{ reference: 'ImagingStudy/i1', role: '' }] }, 400],
    [
      'another type than the reference has',
      { user: 'ada', fhirContext: [{ reference: 'Task/t1', type: 'Goal' }] },
      400,
    ],
    ['a type of nothing', { user: 'ada', fhirContext: [{ reference: 'Nothing/n1' }] }, 400],
    ['its patient as other context', { user: 'ada', patient: 'p1', fhirContext: [{ reference: 'Patient/p1' }] }, 422],
    ['another patient', { user: 'ada', patient: 'p1', fhirContext: [{ reference: 'Patient/p2' }] }, 422],
    [
      'its encounter as other context',
      { user: 'ada', fhirContext: [{ reference: 'Encounter/e1', role: 'launch' }] },
      422,
    ],
    ['an encounter of nobody', { user: 'ada', patient: 'p1', fhirContext: [{ reference: 'Encounter/e9' }] }, 422],
    ['a patient whom nobody can look up', { user: 'ada', fhirContext: [{ ...accession, type: 'Patient', role }] }, 422],
    ['a patient who is not there', { user: 'ada', fhirContext: [{ reference: 'Patient/none', role }] }, 422],
    ['what is not there', { user: 'ada', patient: 'p1', fhirContext: [{ reference: 'ImagingStudy/none' }] }, 422],
    ['what is another patient’s', { user: 'ada', patient: 'p1', fhirContext: [{ reference: 'ImagingStudy/i2' }] }, 422],
    ['a task about another', { user: 'ada', patient: 'p1', fhirContext: [{ reference: 'Task/t2' }] }, 422],
    ['the encounter’s other patient', { user: 'ada', encounter: 'e3', fhirContext: [{ reference: 'Task/t1' }] }, 422],
    ['what is about nobody', { user: 'ada', patient: 'p1', fhirContext: [{ reference: 'ImagingStudy/nobodys' }] }, 422],
    ['a patient elsewhere', { user: 'ada', fhirContext: [{ reference: 'ImagingStudy/elsewhere' }] }, 422],
    ['what does not say whose it is', { user: 'ada', fhirContext: [{ reference: 'Provenance/v1' }] }, 422],
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
