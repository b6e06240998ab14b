import chromium from '@sparticuz/chromium';
import { exportJWK, generateKeyPair } from 'jose';
import { chromium as browsers, type Browser, type Page } from 'playwright-core';
import { Person, send } from '../demo/http.js';
import { textAt } from '../demo/json.js';
import { smartApp, type SmartApp } from './smart-app.js';

const scopes = [
  'launch',
  'launch/patient',
  'openid',
  'fhirUser',
  'offline_access',
  'patient/Patient.read',
  'patient/Observation.rs',
];

/** Tests, inside a `describe`: a SMART application in Chromium at a Gatehouse that runs when the tests do. */
export function launchesSmartApplications(gatehouse: () => { readonly url: string }): void {
  let app: SmartApp;
  let browser: Browser;
  let clientId: string;

  beforeAll(async () => {
    [app, browser] = await Promise.all([
      smartApp(),
      chromium.executablePath().then((executablePath) => browsers.launch({ executablePath, args: chromium.args })),
    ]);
    clientId = await approvedApplication(gatehouse().url, pageOfApp(app));
  }, 120_000);

  afterAll(async () => {
    await browser.close();
    await app.close();
  }, 60_000);

  /** A window of its own, as another person’s. */
  async function windowOf(): Promise<Page> {
    const context = await browser.newContext();
    context.setDefaultTimeout(20_000);
    return context.newPage();
  }

  /** Waits until the application shows what it has. */
  async function shown(page: Page): Promise<Record<string, unknown>> {
    const text = page.locator('#shown');
    await page.waitForURL(`${app.origin}/**`);
    await text.filter({ hasText: '{' }).waitFor();
    return JSON.parse((await text.textContent()) ?? '') as Record<string, unknown>;
  }

  it('[SMART 2.2 §2.0.2.2] completes a standalone launch, reads the patient, and refreshes', async () => {
    app.is(clientId, scopes.filter((scope) => scope !== 'launch').join(' '), `${gatehouse().url}/fhir`);
    const page = await windowOf();
    await page.goto(app.launchUri);
    await signIn(page, 'patient-12@example.org');
    await page.locator('input[name="duration"]').check();
    await page.locator('button[value="allow"]').click();
    expect(await shown(page)).toEqual({
      patient: 'patient-12',
      name: 'Fernández',
      user: 'Patient/patient-12',
      scope: 'launch/patient openid fhirUser patient/Patient.read patient/Observation.rs offline_access',
      banner: true,
      lasting: true,
    });
    await page.locator('#refresh').click();
    await page.locator('#shown').filter({ hasText: 'refreshed' }).waitFor();
    expect(await shown(page)).toEqual({ refreshed: true });

    const reads = async () => {
      await page.locator('#read').click();
      await page
        .locator('#shown')
        .filter({ hasText: /read|refused/ })
        .waitFor();
      return await shown(page);
    };
    expect(await reads()).toEqual({ read: 'patient-12' });
    // The person takes it back: the token, which lives on for minutes, counts no more.
    const grants = await page.context().newPage();
    await grants.goto(`${gatehouse().url}/oauth/grants`);
    await grants.getByRole('button', { name: /Withdraw/ }).click();
    await grants.getByRole('status').filter({ hasText: 'In force since' }).waitFor();
    expect(await reads()).toEqual({ refused: 401 });
  }, 90_000);

  it('[SMART 2.2 §2.0.2.1] completes a launch by an EHR, for the patient that is open there', async () => {
    app.is(clientId, 'launch openid fhirUser patient/Patient.read', `${gatehouse().url}/fhir`);
    const ehr = await send(`${gatehouse().url}/sandbox/directory/token`, {
      form: { grant_type: 'client_credentials', client_id: 'launcher', client_secret: 'gatehouse' },
    });
    const minted = await send(`${gatehouse().url}/oauth/launches`, {
      token: textAt(ehr.body, 'access_token'),
      json: {
        clientId,
        user: 'practitioner-04@example.org',
        patient: 'patient-12',
        encounter: 'encounter-12-visit',
      },
    });
    expect(minted.status).toBe(201);
    const page = await windowOf();
    const launch = new URLSearchParams({ iss: `${gatehouse().url}/fhir`, launch: textAt(minted.body, 'launch') });
    await page.goto(`${app.launchUri}?${launch.toString()}`);
    await signIn(page, 'practitioner-04@example.org');
    await page.locator('button[value="allow"]').click();
    expect(await shown(page)).toMatchObject({
      patient: 'patient-12',
      encounter: 'encounter-12-visit',
      user: 'Practitioner/practitioner-04',
      lasting: false,
    });
  }, 90_000);

  it('is launched from the page that plays the EHR, with what was chosen there', async () => {
    app.is(clientId, 'launch openid fhirUser patient/Patient.read', `${gatehouse().url}/fhir`);
    const page = await windowOf();
    await page.goto(`${gatehouse().url}/sandbox/ehr`);
    await page.getByLabel('Application').selectOption({ label: 'Growth chart' });
    await page.getByLabel('Who is signed in').selectOption('practitioner-04@example.org');
    await page.getByLabel('Patient that is open').selectOption('patient-12');
    await page.getByLabel('Encounter that is open').selectOption('encounter-01-visit');
    await page.getByRole('button', { name: 'Launch' }).click();
    await page.getByRole('alert').filter({ hasText: 'not one of the patient' }).waitFor();
    await page.getByLabel('Encounter that is open').selectOption('encounter-12-visit');
    await page.getByRole('button', { name: 'Launch' }).click();
    await signIn(page, 'practitioner-04@example.org');
    await page.locator('button[value="allow"]').click();
    expect(await shown(page)).toMatchObject({
      patient: 'patient-12',
      encounter: 'encounter-12-visit',
      user: 'Practitioner/practitioner-04',
    });
  }, 90_000);

  it('is launched from no other page, and by no name but its own', async () => {
    const form = { application: clientId, user: 'practitioner-04@example.org', patient: 'patient-12' };
    const at = `${gatehouse().url}/sandbox/ehr`;
    for (const site of ['cross-site', 'same-site', 'none', undefined]) {
      const headers = site === undefined ? {} : { 'sec-fetch-site': site };
      const body = new URLSearchParams(form);
      expect((await fetch(at, { method: 'POST', headers, body, redirect: 'manual' })).status).toBe(403);
    }
    const foreign = new URLSearchParams({ ...form, application: 'nobody' });
    const headers = { 'sec-fetch-site': 'same-origin' };
    const answer = await fetch(at, { method: 'POST', headers, body: foreign, redirect: 'manual' });
    expect([answer.status, answer.headers.get('location')]).toEqual([422, null]);
  });

  it.each(['RS384', 'ES384'])(
    '[SMART 2.2 §5] gets a backend service’s token by an assertion that it signs, which has no iat, with %s',
    async (alg) => {
      const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
      const [jwk, secret] = await Promise.all([exportJWK(publicKey), exportJWK(privateKey)]);
      const service = await approvedApplication(gatehouse().url, {
        name: `Nightly ${alg}`,
        kind: 'backend',
        clientType: 'confidential-asymmetric',
        scopes: ['system/Patient.rs'],
        purposesOfUse: [{ code: 'HOPERAT', justification: 'Counts who is to be called in.' }],
        jwks: { keys: [{ ...jwk, kid: 'nightly', alg, use: 'sig' }] },
        allowedOrigins: [app.origin],
      });
      app.is(service, 'system/Patient.rs', `${gatehouse().url}/fhir`);
      app.signsWith({ ...secret, kid: 'nightly', alg });
      const page = await windowOf();
      // An instance of the token service may hear of the approval a moment after that of registration did.
      let what: Record<string, unknown> = { status: 401 };
      for (let attempt = 0; what['status'] === 401 && attempt < 10; attempt++) {
        await page.goto(app.serviceUri);
        what = await shown(page);
      }
      expect(what).toEqual({ name: 'Fernández', scope: 'system/Patient.rs', expires: 300 });
    },
    90_000,
  );

  it('is told when the user declines', async () => {
    app.is(clientId, 'launch/patient openid fhirUser patient/Patient.read', `${gatehouse().url}/fhir`);
    const page = await windowOf();
    await page.goto(app.launchUri);
    await signIn(page, 'patient-01@example.org');
    await page.locator('button[value="decline"]').click();
    expect(String((await shown(page))['error'])).toContain('declined');
  }, 90_000);
}

const pageOfApp = (app: SmartApp) => ({
  name: 'Growth chart',
  kind: 'patient-access',
  clientType: 'public',
  scopes,
  purposesOfUse: [{ code: 'PATRQT', justification: 'Parents look at how their children grow.' }],
  redirectUris: [app.redirectUri],
  launchUri: app.launchUri,
  allowedOrigins: [app.origin],
});

/** A developer registers it, a reviewer approves it. */
async function approvedApplication(
  url: string,
  registered: { readonly scopes: readonly string[] } & Readonly<Record<string, unknown>>,
): Promise<string> {
  const [developer, reviewer] = await Promise.all([
    Person.signedIn(url, 'dev@example.org'),
    Person.signedIn(url, 'reviewer@example.org'),
  ]);
  const made = await developer.call('/registration/applications', { json: { ...registered, submit: true } }, 201);
  const applicationId = textAt(made.body, 'id');
  const queue = await reviewer.get(`/approval/reviews?applicationId=${applicationId}&status=pending`, [made.position]);
  const reviewId = textAt(queue.body, 'items.0.id');
  const approved = await reviewer.post(`/approval/reviews/${reviewId}/decisions`, {
    decision: 'approve',
    reason: 'Asked for by parents.',
    scopes: registered.scopes,
    expiresAt: new Date(Date.now() + 90 * 86_400_000).toISOString(),
  });
  await developer.get(`/registration/applications/${applicationId}`, [approved.position]);
  return textAt(made.body, 'clientId');
}

async function signIn(page: Page, email: string): Promise<void> {
  await page.getByLabel(/email/i).fill(email);
  await page.getByLabel(/password/i).fill('gatehouse');
  await page.getByRole('button').click();
}
