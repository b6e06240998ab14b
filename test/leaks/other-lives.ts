import { createHash, randomBytes } from 'node:crypto';
import { csrfIn, offeredIn, testBrowser } from '#testing';
import { must } from '../demo/checks.js';
import { type Answer, type Person, send } from '../demo/http.js';
import { textAt } from '../demo/json.js';
import type { Walk } from '../demo/walk.js';

/** Who is written to about the applications below. No other file has these names. */
export const CONTACTS = ['zara.quillfeather@contacts.example', 'balthasar+charts@quillfeather.example'] as const;

/** Where nobody listens: it ends a launch. */
const BACK = 'http://127.0.0.1:9/back-from-here';
const SCOPES = ['launch/patient', 'openid', 'fhirUser', 'offline_access', 'patient/Patient.rs'];

/** What came of it. */
export interface OtherLives {
  /** The application that two patients let in. */
  readonly applicationId: string;
  /** How it authenticates. */
  readonly authorization: string;
  /** A refresh token of the patient who is still there. */
  readonly refreshToken: string;
  /** The id of the one who was erased, and when. */
  readonly erased: string;
  readonly erasedAt: string;
}

/**
 * What the walk of the demo does not do: contacts, a client secret, a client that registers itself, patients who sign in
 * and let an application in, refreshes, introspection, refusals of all of these, and an erasure.
 */
export async function liveOtherLives(
  url: string,
  { developer, reviewer, operator }: Walk,
  beforeErasure = (): Promise<void> => Promise.resolve(),
): Promise<OtherLives> {
  const { id, clientId } = await approved(developer, reviewer, {
    name: 'Quiet Charts',
    kind: 'patient-access',
    clientType: 'confidential-symmetric',
    scopes: SCOPES,
    purposesOfUse: [{ code: 'PATRQT', justification: 'Parents look at how their children grow.' }],
    redirectUris: [BACK],
    contacts: CONTACTS,
  });
  const issued = await developer.post(`/registration/applications/${id}/secrets`, {});
  const app = { url, clientId, secret: textAt(issued.body, 'secret') };
  const json = { contacts: [CONTACTS[1]] };
  await developer.call(`/registration/applications/${id}`, { method: 'PATCH', json }, 200);
  const stays = await launched(app, 'patient-01@example.org');
  const leaves = await launched(app, 'patient-12@example.org');
  await use(app, leaves);
  await registerItself(url, operator);
  const erased = subjectOf(textAt(leaves.body, 'access_token'));
  await beforeErasure();
  const { body } = await operator.post(`/oauth/users/${erased}/erasure`, { reason: 'requested' });
  return {
    applicationId: id,
    authorization: basic(app),
    refreshToken: textAt(stays.body, 'refresh_token'),
    erased,
    erasedAt: textAt(body, 'erasedAt'),
  };
}

function subjectOf(token: string): string {
  return textAt(JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()), 'sub');
}

interface SecretiveApp {
  readonly url: string;
  readonly clientId: string;
  readonly secret: string;
}

/** Registered, submitted and approved as asked. */
async function approved(
  developer: Person,
  reviewer: Person,
  registered: { readonly scopes: readonly string[] } & Readonly<Record<string, unknown>>,
): Promise<{ readonly id: string; readonly clientId: string }> {
  const made = await developer.call('/registration/applications', { json: { ...registered, submit: true } }, 201);
  const id = textAt(made.body, 'id');
  const queue = await reviewer.get(`/approval/reviews?applicationId=${id}&status=pending`, [made.position]);
  const expiresAt = new Date(Date.now() + 86_400_000).toISOString();
  const decision = { decision: 'approve', reason: 'Asked for by parents.', scopes: registered.scopes, expiresAt };
  const decided = await reviewer.post(`/approval/reviews/${textAt(queue.body, 'items.0.id')}/decisions`, decision);
  await developer.get(`/registration/applications/${id}`, [decided.position]);
  return { id, clientId: textAt(made.body, 'clientId') };
}

/** A patient signs in at the directory and agrees. */
async function launched({ url, clientId, secret }: SecretiveApp, email: string): Promise<Answer> {
  const verifier = randomBytes(32).toString('base64url');
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: clientId,
    redirect_uri: BACK,
    scope: SCOPES.join(' '),
    state: 'a state',
    aud: `${url}/fhir`,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  const browser = testBrowser();
  const login = await browser.follow(`${url}/oauth/authorize?${query.toString()}`, BACK);
  await browser.post(
    login.url,
    [
      ['email', email],
      ['password', 'not the password'],
    ],
    BACK,
  );
  const consent = await browser.post(
    login.url,
    [
      ['email', email],
      ['password', 'gatehouse'],
    ],
    BACK,
  );
  const page = consent.page ?? '';
  const agreed = await browser.post(
    `${consent.url}/consent`,
    [
      ['csrf', csrfIn(page)],
      ['decision', 'allow'],
      ['duration', 'offline'],
      ...offeredIn(page).map((scope) => ['scope', scope] as const),
    ],
    BACK,
  );
  const code = new URL(agreed.url).searchParams.get('code') ?? '';
  const form = { grant_type: 'authorization_code', code, redirect_uri: BACK, code_verifier: verifier };
  const redeemed = await tokenOf({ url, clientId, secret }, form);
  must(redeemed.status === 200, 'a code brings a token', redeemed);
  return redeemed;
}

/** Uses what was given: reads, refreshes, is looked at, is refused, and given back. */
async function use(app: SecretiveApp, first: Answer): Promise<void> {
  const read = await send(`${app.url}/fhir/Patient/patient-12`, { token: textAt(first.body, 'access_token') });
  must(read.status === 200, 'a patient’s record is read', read.body);
  await askAboutPatient(app, first, read);
  const form = { grant_type: 'refresh_token', refresh_token: textAt(first.body, 'refresh_token') };
  const second = await tokenOf(app, form);
  must(second.status === 200, 'a refresh token brings another', second.body);
  const token = textAt(second.body, 'access_token');
  await send(`${app.url}/fhir/Patient?access_token=${token}`);
  await send(`${app.url}/fhir/Patient/patient-01`, { token: `${token.slice(0, -4)}AAAA` });
  await tokenOf({ ...app, secret: randomBytes(32).toString('base64url') }, form);
  await tokenOf(app, { ...form, refresh_token: randomBytes(32).toString('base64url') });
  for (const path of ['introspect', 'revoke'])
    await send(`${app.url}/oauth/${path}`, { form: { token }, headers: { authorization: basic(app) } });
}

/** What a patient is known by, in searches and in a body, let in and refused. */
async function askAboutPatient({ url }: SecretiveApp, given: Answer, { body: patient }: Answer): Promise<void> {
  const token = textAt(given.body, 'access_token');
  const by = new URLSearchParams({
    name: textAt(patient, 'name.0.family'),
    birthdate: textAt(patient, 'birthDate'),
    identifier: textAt(patient, 'identifier.0.value'),
  }).toString();
  const found = await send(`${url}/fhir/Patient?${by}`, { token });
  must(found.status === 200, 'a patient is found', found.body);
  for (const path of [`/fhir/Person?${by}`, `/fhir/nonsense/${by}`, `/nowhere?${by}`])
    await send(url + path, { token });
  const name = [{ family: 'Quillfeather-Marsh', given: ['Zacharias Odo'] }];
  const json = { resourceType: 'Patient', id: 'patient-12', birthDate: textAt(patient, 'birthDate'), name };
  const written = await send(`${url}/fhir/Patient/patient-12`, { method: 'PUT', json, token });
  must(written.status === 403, 'nothing is written by who may only read', written);
}

async function tokenOf(app: SecretiveApp, form: Readonly<Record<string, string>>): Promise<Answer> {
  return await send(`${app.url}/oauth/token`, { form, headers: { authorization: basic(app) } });
}

function basic({ clientId, secret }: SecretiveApp): string {
  return `Basic ${Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(secret)}`).toString('base64')}`;
}

/** RFC 7591 and 7592, with an initial access token. */
async function registerItself(url: string, operator: Person): Promise<void> {
  const given = await operator.post('/oauth/initial-access-tokens', {}, 201);
  const json = {
    client_name: 'Itself Charts',
    redirect_uris: [BACK],
    scope: SCOPES.join(' '),
    contacts: CONTACTS,
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
  };
  const made = await send(`${url}/oauth/register`, { json, token: textAt(given.body, 'token') });
  must(made.status === 201, 'a client registers itself', made.body);
  const at = textAt(made.body, 'registration_client_uri');
  const token = textAt(made.body, 'registration_access_token');
  await send(at, { token });
  await send(at, { token, method: 'DELETE' });
}
