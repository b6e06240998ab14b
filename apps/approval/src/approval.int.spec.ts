import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { formatPosition, mintId, registration, review, type Position, type RegistrationEvent } from '#contracts';
import type { LogSettings } from '#event-log';
import { LOG_SETTINGS, VAULT } from '#host';
import { LogSeed, startTestService, testIssuer, type TestIssuer, type TestService } from '#testing';
import type { Vault } from '#vault';
import { isolate, type Isolation } from '../../../test/environment/isolation.js';
import { approvalPart } from './approval.part.js';
import { businessDaysAfter } from './domain/days.js';
import type { ReviewView } from './domain/application-approval.js';
import { submission } from './scenario.arbitrary.js';

/** What a test looks at in an answer, whichever of our bodies it is. */
interface Body extends ReviewView {
  readonly items: readonly Body[];
  readonly next?: string;
  readonly history: readonly { readonly type: string }[];
  readonly exposes: readonly object[];
}

const bodyOf = async (response: Response): Promise<Body> => (await response.json()) as Body;

const folder = mkdtempSync(join(tmpdir(), 'approval-'));
let own: Isolation;
let issuer: TestIssuer;
let service: TestService;
let seed: LogSeed;

beforeAll(async () => {
  [own, issuer] = await Promise.all([isolate(), testIssuer()]);
  // The credential's file is the gateway's, and is not here.
  const credential = { kind: 'bearer', tokenFile: 'north-token' };
  const endpoints = [{ id: 'north', upstreamUrl: 'https://north.example.org', credential }];
  writeFileSync(join(folder, 'endpoints.json'), JSON.stringify({ endpoints }));
  service = await startTestService(approvalPart, {
    databaseUrl: own.databaseUrl,
    issuer,
    environment: {
      KAFKA_BROKERS: own.brokers,
      KAFKA_TOPIC_PREFIX: own.prefix,
      APPROVAL_CLOCK_SECONDS: '1',
      FHIR_ENDPOINTS: join(folder, 'endpoints.json'),
    },
  });
  seed = new LogSeed(service.app.get<LogSettings>(LOG_SETTINGS));
}, 120_000);

afterAll(async () => {
  await seed.close();
  await service.close();
  await own.dispose();
  await issuer.close();
  rmSync(folder, { recursive: true });
});

/** What registration's writer would have appended. */
async function registered(subject: string, event: RegistrationEvent): Promise<Position> {
  return await seed.event(registration, event, { subject, actor: 'owner', time: new Date().toISOString() });
}

/** Asks again until the answer is as it should become; the test's own limit ends it. */
async function eventually<T>(ask: () => Promise<T>, fits: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (fits(answer)) return answer;
    await pause(100);
  }
}

const as = async (who: string, ...roles: string[]) => await issuer.bearer(who, ...roles);

async function get(path: string, who = 'rev', role = 'reviewer', seen?: Position) {
  const position = seen === undefined ? {} : { 'gatehouse-position': formatPosition(seen) };
  const response = await service.call(path, { headers: { ...(await as(who, role)), ...position } });
  return { status: response.status, etag: response.headers.get('etag'), body: await bodyOf(response) };
}

async function decide(id: string, json: object, who = 'rev', headers: Record<string, string> = {}) {
  const response = await service.call(`/approval/reviews/${id}/decisions`, {
    json,
    headers: { ...(await as(who, 'reviewer')), ...headers },
  });
  return { status: response.status, headers: response.headers, body: await bodyOf(response) };
}

async function submitted(over: { ownerId?: string; scopes?: string[]; requestedAt?: string } = {}) {
  const applicationId = mintId(Math.floor(Math.random() * 8));
  const { reviewId: _, ...data } = submission(over.scopes);
  await registered(applicationId, {
    type: 'application-submitted',
    data: {
      ...data,
      ...(over.ownerId && { ownerId: over.ownerId }),
      ...(over.requestedAt && { requestedAt: over.requestedAt }),
    },
  });
  const found = await eventually(
    () => get(`/approval/reviews?applicationId=${applicationId}`),
    ({ body }) => body.items.length === 1,
  );
  return { applicationId, review: found.body.items[0]! };
}

const history = async (id: string): Promise<string[]> =>
  (await get(`/approval/reviews/${id}`)).body.history.map(({ type }) => type);

it('opens the review of a submission and shows it with its clock, its risk and what each scope exposes', async () => {
  const { applicationId, review: opened } = await submitted();
  expect(opened).toMatchObject({
    applicationId,
    status: 'pending',
    stage: 'first-review',
    submitter: { id: 'owner' },
    risk: { level: 'ordinary', because: [] },
    application: { redirectUris: ['https://pulse.example/callback'] },
  });
  expect(opened.exposes[1]).toEqual({
    scope: 'patient/Patient.r',
    means: 'Read identity and demographics (names, birth dates, addresses) of the one patient in context.',
  });
  expect(opened.dueAt).toBe(businessDaysAfter(opened.requestedAt, 5, {}));
  expect(await get(`/approval/reviews/${opened.id}`)).toMatchObject({ status: 200, etag: '"1"' });
  expect(await history(opened.id)).toEqual(['review-opened']);
}, 60_000);

it('approves narrower; the answer, and a read that waits for its position, say the same', async () => {
  const { review: opened } = await submitted();
  const terms = { decision: 'approve', scopes: ['patient/Observation.r'], reason: 'reads are enough' };
  const key = { 'idempotency-key': randomUUID() };
  const decided = await decide(opened.id, terms, 'rev', key);
  expect(decided).toMatchObject({
    status: 200,
    body: { status: 'approved', stage: 'closed', approval: { version: 1, scopes: ['patient/Observation.r'] } },
  });
  const seen = { 'gatehouse-position': decided.headers.get('gatehouse-position') ?? '' };
  const read = await service.call(`/approval/reviews/${opened.id}`, {
    headers: { ...(await as('rev', 'reviewer')), ...seen },
  });
  const { history: _, ...shown } = await bodyOf(read);
  expect(shown).toEqual(decided.body);
  expect(read.headers.get('etag')).toBe(decided.headers.get('etag'));

  expect(await decide(opened.id, terms, 'rev', key)).toMatchObject({ status: 200, body: { status: 'approved' } });
  expect(await decide(opened.id, terms)).toMatchObject({
    status: 409,
    body: { type: 'urn:gatehouse:problem:already-decided' },
  });
  expect(await history(opened.id)).toEqual(['review-opened', 'review-approved']);
}, 60_000);

it('refuses what a rule refuses, and says where', async () => {
  const { review: opened } = await submitted();
  const yes = { decision: 'approve', reason: 'fits' };
  expect(await decide(opened.id, { ...yes, scopes: ['patient/Patient.r', 'patient/*.rs'] })).toMatchObject({
    status: 422,
    body: { type: 'urn:gatehouse:problem:wider-than-asked', errors: [{ pointer: '/scopes/1' }] },
  });
  expect(await decide(opened.id, { ...yes, endpoints: ['north', 'west'] })).toMatchObject({
    status: 422,
    body: { type: 'urn:gatehouse:problem:unknown-endpoint', errors: [{ pointer: '/endpoints/1' }] },
  });
  expect(await decide(opened.id, { ...yes, scope: 'patient/Patient.r' })).toMatchObject({ status: 400 });
  expect(await decide(opened.id, yes, 'rev', { 'if-match': '"7"' })).toMatchObject({ status: 412 });
  expect(await decide(randomUUID(), yes)).toMatchObject({ status: 404 });
  const developer = await service.call(`/approval/reviews/${opened.id}/decisions`, {
    json: yes,
    headers: await as('dev', 'developer'),
  });
  expect(developer.status).toBe(403);
  expect(await history(opened.id)).toEqual(['review-opened']);
}, 60_000);

it('takes what is null in a decision as left out', async () => {
  const { review: opened } = await submitted();
  const nothing = { scopes: null, expiresAt: null, conditions: null, endpoints: null };
  const decided = await decide(opened.id, {
    ...nothing,
    decision: 'approve',
    limits: { callsPerMinute: 5, callsPerDay: null },
    reason: 'fits',
  });
  expect(decided).toMatchObject({ status: 200, body: { approval: { limits: { callsPerMinute: 5 } } } });
}, 60_000);

it('names the cursor that is not one of its list', async () => {
  const cursor = Buffer.from(JSON.stringify(['9999999-01-01', 'not an id'])).toString('base64url');
  expect(await get(`/approval/reviews?cursor=${cursor}`)).toMatchObject({
    status: 400,
    body: { errors: [{ pointer: '/cursor' }] },
  });
}, 60_000);

it('lets nobody decide on what they own, nor on what was given to them since', async () => {
  const me = await service.app.get<Vault>(VAULT).subjectId(issuer.issuer, 'twofold');
  const { review: mine } = await submitted({ ownerId: me });
  const yes = { decision: 'approve', reason: 'mine' };
  expect(await decide(mine.id, yes, 'twofold')).toMatchObject({ status: 403 });

  const { applicationId, review: given } = await submitted();
  const position = await registered(applicationId, {
    type: 'ownership-transferred',
    data: { ownerId: me, previousOwnerId: 'owner' },
  });
  await get(`/approval/reviews/${given.id}`, 'rev', 'reviewer', position);
  expect(await decide(given.id, yes, 'twofold')).toMatchObject({
    status: 403,
    body: { type: 'urn:gatehouse:problem:own-application' },
  });
}, 60_000);

it('reviews under the policy in force, which an operator alone may read and set', async () => {
  expect((await get('/approval/policies')).status).toBe(403);
  const { body, etag } = await get('/approval/policies', 'op', 'operator');
  expect(etag).toBe('"0"');
  const { version: _, ...policy } = body;
  const put = async (json: object, match: string) =>
    await service.call('/approval/policies', {
      method: 'PUT',
      json,
      headers: { ...(await as('op', 'operator')), 'if-match': match },
    });
  const rules = [{ scope: 'user/*.rs', approvals: 2 }];
  expect((await put({ ...policy, rules: [{ scope: 'user/*.sr', approvals: 2 }] }, '"0"')).status).toBe(422);
  const set = await put({ ...policy, rules }, '"0"');
  expect(set.status).toBe(200);
  expect(await set.json()).toEqual({ ...policy, rules, version: 1 });
  expect((await put(policy, '"0"')).status).toBe(412);

  const { review: opened } = await submitted({ scopes: ['user/Patient.rs'] });
  expect(opened).toMatchObject({ approvalsNeeded: 2, policyVersion: 1, risk: { level: 'elevated' } });
  const yes = { decision: 'approve', reason: 'fits' };
  expect(await decide(opened.id, yes)).toMatchObject({
    status: 200,
    body: { status: 'pending', stage: 'further-review' },
  });
  expect(await decide(opened.id, yes)).toMatchObject({
    status: 409,
    body: { type: 'urn:gatehouse:problem:already-endorsed' },
  });
  expect(await decide(opened.id, yes, 'rev2')).toMatchObject({ status: 200, body: { status: 'approved' } });
}, 60_000);

it('narrows by a campaign, and ends an approval at its time', async () => {
  const { applicationId, review: opened } = await submitted();
  const expiresAt = new Date(Date.now() + 4_000).toISOString();
  expect((await decide(opened.id, { decision: 'approve', expiresAt, reason: 'short' })).status).toBe(200);
  const campaign = mintId(0);
  await seed.event(
    review,
    {
      type: 'item-decided',
      data: {
        itemId: mintId(0),
        applicationId,
        decision: 'narrow',
        scopes: ['patient/Patient.r'],
        reason: 'unused',
        bySilence: false,
      },
    },
    { subject: campaign, actor: 'rev', time: new Date().toISOString() },
  );
  const ended = await eventually(
    () => get(`/approval/reviews/${opened.id}`),
    ({ body }) => body.approval?.expired === true,
  );
  expect(ended.body.approval).toMatchObject({ version: 2, scopes: ['patient/Patient.r'], expiresAt });
  expect(await history(opened.id)).toEqual([
    'review-opened',
    'review-approved',
    'approval-narrowed',
    'approval-expired',
  ]);
}, 60_000);

it('keeps one clock for a request, which runs out while changes are asked for and is noted once', async () => {
  const { applicationId, review: opened } = await submitted({ requestedAt: '2026-01-05T09:00:00.000Z' });
  expect(opened).toMatchObject({ requestedAt: '2026-01-05T09:00:00.000Z', dueAt: '2026-01-12T09:00:00.000Z' });
  const shown = await eventually(
    () => get(`/approval/reviews/${opened.id}`),
    ({ body }) => body.breachedAt !== undefined,
  );
  expect((await decide(opened.id, { decision: 'request-changes', reason: 'the link is dead' })).status).toBe(200);
  const { reviewId: _, ...data } = submission();
  const { requestedAt } = shown.body;
  await registered(applicationId, { type: 'application-submitted', data: { ...data, submission: 2, requestedAt } });
  const { body } = await eventually(
    () => get(`/approval/reviews?applicationId=${applicationId}&status=pending`),
    ({ body: list }) => list.items[0]?.submission === 2,
  );
  const { breachedAt, dueAt } = shown.body;
  expect(body.items).toMatchObject([{ submission: 2, requestedAt, dueAt, breachedAt }]);
  expect(await history(opened.id)).toEqual([
    'review-opened',
    'review-clock-breached',
    'review-changes-requested',
    'review-opened',
  ]);

  // Sent back before its time, it is overdue all the same.
  const soon = await submitted({ requestedAt: new Date(Date.now() - 30 * 86_400_000).toISOString() });
  await decide(soon.review.id, { decision: 'request-changes', reason: 'the link is dead' });
  await eventually(
    () => get(`/approval/reviews/${soon.review.id}`),
    ({ body: sentBack }) => sentBack.status === 'changes-requested' && sentBack.breachedAt !== undefined,
  );
}, 60_000);

it('closes the review of what was withdrawn or revoked', async () => {
  const { applicationId, review: opened } = await submitted();
  await registered(applicationId, { type: 'application-revoked', data: { reason: 'gone', epoch: 1 } });
  await eventually(
    () => get(`/approval/reviews/${opened.id}`),
    ({ body }) => body.status === 'withdrawn',
  );
  expect(await decide(opened.id, { decision: 'approve', reason: 'late' })).toMatchObject({ status: 409 });
}, 60_000);

it('pages through the queue, each review once, by its due time', async () => {
  const seen: { id: string; dueAt: string }[] = [];
  for (let path: string | undefined = '/approval/reviews?limit=2'; path !== undefined;) {
    const { body } = await get(path);
    expect(body.items.length).toBeLessThanOrEqual(2);
    seen.push(...body.items);
    path = body.next === undefined ? undefined : `/approval/reviews?limit=2&cursor=${body.next}`;
  }
  const all = (await get('/approval/reviews?limit=200')).body.items;
  expect(seen.map(({ id }) => id)).toEqual(all.map(({ id }) => id));
  expect(seen.map(({ dueAt }) => dueAt)).toEqual(seen.map(({ dueAt }) => dueAt).sort());
  const pending = (await get('/approval/reviews?status=pending')).body.items;
  expect(pending.map(({ id }) => id)).toEqual(all.filter(({ status }) => status === 'pending').map(({ id }) => id));
  expect(pending.length).toBeLessThan(all.length);
  expect((await get('/approval/reviews?cursor=nonsense')).status).toBe(400);
}, 60_000);

it('documents its routes', async () => {
  const { paths } = (await (await service.call('/docs/openapi.json')).json()) as { paths: object };
  expect(Object.keys(paths)).toEqual(
    expect.arrayContaining([
      '/approval/reviews',
      '/approval/reviews/{id}',
      '/approval/reviews/{id}/decisions',
      '/approval/policies',
      '/approval/commands/{id}',
    ]),
  );
});
