import { startTestService, testIssuer, type TestIssuer, type TestService } from '#testing';
import { approvalPart } from '../../apps/approval/src/approval.part.js';
import { gateway } from '../../apps/gateway/src/gateway.part.js';
import { registrationPart } from '../../apps/registration/src/registration.part.js';
import { reviewPart } from '../../apps/review/src/review.part.js';
import { isolate, type Isolation } from '../environment/isolation.js';

/** What a test looks at in an answer, whichever of our bodies it is. */
interface Body {
  readonly id: string;
  readonly items: readonly Body[];
  readonly [field: string]: unknown;
}

let own: Isolation;
let issuer: TestIssuer;
let service: TestService;

beforeAll(async () => {
  [own, issuer] = await Promise.all([isolate(), testIssuer()]);
  service = await startTestService(
    { name: 'gatehouse', defaultPort: 8080, parts: [registrationPart, approvalPart, reviewPart, gateway] },
    {
      databaseUrl: own.databaseUrl,
      issuer,
      environment: {
        KAFKA_BROKERS: own.brokers,
        KAFKA_TOPIC_PREFIX: own.prefix,
        GATEWAY_JWKS_URL: `${issuer.issuer}/jwks`,
        FHIR_UPSTREAM_URL: 'http://127.0.0.1:9/fhir', // asked by nobody here
      },
    },
  );
}, 90_000);

afterAll(async () => {
  await service.close();
  await Promise.all([own.dispose(), issuer.close()]);
}, 60_000);

async function call(who: string, role: string, path: string, json?: object, seen?: string) {
  const position: Record<string, string> = seen === undefined ? {} : { 'gatehouse-position': seen };
  const response = await service.call(path, {
    headers: { ...(await issuer.bearer(who, role)), ...position },
    ...(json === undefined ? {} : { json }),
  });
  const at = response.headers.get('gatehouse-position') ?? '';
  return { status: response.status, at, body: (await response.json()) as Body };
}

it('shows everywhere what a campaign caused, to who has seen its decision: by approval in registration and in access', async () => {
  const asked = ['system/Patient.rs', 'system/Observation.rs'];
  const registered = await call('dev', 'developer', '/registration/applications', {
    name: 'Growth charts',
    kind: 'backend',
    clientType: 'confidential-asymmetric',
    scopes: asked,
    purposesOfUse: [{ code: 'TREAT', justification: 'Treatment.' }],
    jwksUri: 'https://growth.example.com/jwks.json',
    contacts: ['security@growth.example.com'],
    submit: true,
  });
  expect(registered.status).toBe(201);
  const { id } = registered.body;
  const reviews = `/approval/reviews?applicationId=${id}`;
  const waiting = await call('rev', 'reviewer', reviews, undefined, registered.at);
  const approved = await call('rev', 'reviewer', `/approval/reviews/${waiting.body.items[0]?.id ?? ''}/decisions`, {
    decision: 'approve',
    reason: 'fits',
  });
  const active = await call('rev', 'reviewer', `/registration/applications/${id}`, undefined, approved.at);
  expect(active.body).toMatchObject({ status: 'active', approvedScopes: asked });

  const dueAt = new Date(Date.now() + 86_400_000).toISOString();
  const include = { applicationIds: [id] };
  // What review knows of open access follows the log, and has no position of its own to wait for here.
  let items: readonly Body[] = [];
  while (items.length === 0) {
    const opened = await call('rev', 'reviewer', '/review/campaigns', { name: 'Autumn', dueAt, include });
    items = (await call('rev', 'reviewer', `/review/campaigns/${opened.body.id}/items`, undefined, opened.at)).body
      .items;
  }
  const left = ['system/Patient.rs'];
  const narrowed = await call('rev', 'reviewer', `/review/items/${items[0]?.id ?? ''}/decisions`, {
    decision: 'narrow',
    scopes: left,
    reason: 'unused',
  });
  expect(narrowed.status).toBe(200);
  const [application, access, queue] = await Promise.all([
    call('rev', 'reviewer', `/registration/applications/${id}`, undefined, narrowed.at),
    call('rev', 'reviewer', `/access/applications/${id}`, undefined, narrowed.at),
    call('rev', 'reviewer', reviews, undefined, narrowed.at),
  ]);
  expect([application.status, application.body['approvedScopes']]).toEqual([200, left]);
  expect([access.status, access.body['scopes']]).toEqual([200, left]);
  expect([queue.status, queue.body.items[0]?.['approval']]).toMatchObject([200, { scopes: left, version: 2 }]);
}, 60_000);

it.each([
  ['a topic that nobody has', 'gatehouse.nowhere.events:0:1'],
  ['a partition that a topic has not', 'gatehouse.approval.events:8:1'],
])('refuses %s', async (_what, seen) => {
  for (const path of ['/registration/applications', '/approval/reviews', '/review/campaigns'])
    expect((await call('rev', 'reviewer', path, undefined, seen)).status).toBe(400);
});

it('answers 503 where a position is not reached, were it that of another context', async () => {
  const to = '/registration/applications';
  expect((await call('rev', 'reviewer', to, undefined, 'gatehouse.review.events:0:999')).status).toBe(503);
  const { status } = await call(
    'rev',
    'reviewer',
    `/access/applications/${'0'.repeat(8)}-0000-7000-8000-000000000000`,
    undefined,
    'gatehouse.review.events:0:999',
  );
  expect(status).toBe(503);
});
