import { approval, mintId, registration, type ApprovalEvent } from '#contracts';
import { LogSeed, startTestService, testIssuer, type TestIssuer, type TestService, quietLog } from '#testing';
import type { Vault } from '#vault';
import { VAULT } from '#host';
import { isolate, type Isolation } from '../../../test/environment/isolation.js';
import { reviewPart } from './review.part.js';

const DAY_MS = 86_400_000;
const daysFromNow = (days: number) => new Date(Date.now() + days * DAY_MS).toISOString();

interface Campaign {
  readonly id: string;
  readonly version: number;
  readonly population: number;
  readonly status: string;
}

interface Item {
  readonly id: string;
  readonly applicationId: string;
  readonly applicationName: string;
  readonly recommendation: string;
  readonly evidence: Record<string, unknown>;
  readonly decision?: Record<string, unknown>;
}

describe('certification campaigns', () => {
  let own: Isolation;
  let issuer: TestIssuer;
  let service: TestService;
  let seed: LogSeed;
  let owner: string;

  const used = mintId(1);
  const half = mintId(2);
  const idle = mintId(3);
  const suspended = mintId(1);
  const expired = mintId(2);
  const reviewers = mintId(6);

  const send = async (path: string, json: unknown, who = 'rita', more: Record<string, string> = {}) =>
    await service.call(path, { json, headers: { ...(await issuer.bearer(who, 'reviewer')), ...more } });
  const get = async (path: string, role = 'reviewer') =>
    await service.call(path, { headers: await issuer.bearer('rita', role) });
  const itemsOf = async (campaign: Campaign, query = '') => {
    const response = await get(`/review/campaigns/${campaign.id}/items${query}`);
    return ((await response.json()) as { items: Item[] }).items;
  };
  const open = async (over: object = {}) => {
    const response = await send('/review/campaigns', { name: 'Q1', dueAt: daysFromNow(14), ...over });
    expect(response.status).toBe(201);
    return (await response.json()) as Campaign;
  };
  const decide = (item: Item, json: object, who?: string) => send(`/review/items/${item.id}/decisions`, json, who);

  beforeAll(async () => {
    [own, issuer] = await Promise.all([isolate(), testIssuer()]);
    const environment = { KAFKA_BROKERS: own.brokers, KAFKA_TOPIC_PREFIX: own.prefix };
    service = await startTestService(reviewPart, { databaseUrl: own.databaseUrl, issuer, environment });
    seed = new LogSeed(quietLog(own, 'seed'));
    const vault = service.app.get<Vault>(VAULT);
    owner = await vault.subjectId(issuer.issuer, 'dana', { name: 'Dana Developer' });
    const rita = await vault.subjectId(issuer.issuer, 'rita', { name: 'rita' });
    await Promise.all([
      approve(used, 'Used'),
      approve(half, 'Half used'),
      approve(idle, 'Idle'),
      approve(suspended, 'Suspended'),
      approve(expired, 'Expired', { expiresAt: daysFromNow(-1) }),
      approve(reviewers, "The reviewer's own", {}, rita),
    ]);
    await seed.event(
      registration,
      { type: 'application-suspended', data: { reason: 'leak', epoch: 1 } },
      { subject: suspended, actor: 'operator', time: daysFromNow(-1) },
    );
    await use(
      used,
      [
        ['system/Observation.r', -1],
        ['system/Patient.rs', -2],
        ['system/Patient.rs', -400],
      ],
      true,
    );
    await use(half, [
      ['system/Observation.rs', -5],
      ['system/Patient.rs', -400],
    ]);
  }, 60_000);

  afterAll(async () => {
    await seed.close();
    await service.close();
    await Promise.all([own.dispose(), issuer.close()]);
  }, 30_000);

  async function approve(
    subject: string,
    name: string,
    over: Partial<Extract<ApprovalEvent, { type: 'review-approved' }>['data']> = {},
    ownerId = owner,
  ): Promise<void> {
    const by = { subject, actor: ownerId, time: daysFromNow(-500) };
    const reviewed = {
      name,
      kind: subject === idle ? ('provider' as const) : ('backend' as const),
      clientType: 'confidential-asymmetric' as const,
      scopes: ['system/Observation.rs', 'system/Patient.rs'],
      purposesOfUse: [{ code: 'TREAT', justification: 'shows results' }],
      redirectUris: [],
      allowedOrigins: [],
    };
    const other = { description: '', attestations: [], documents: [] };
    const submission = { submission: 1, reviewId: mintId(1), ownerId, reviewed };
    await seed.event(
      registration,
      { type: 'application-registered', data: { clientId: subject, ownerId, reviewed, other, keys: [] } },
      by,
    );
    await seed.event(
      approval,
      {
        type: 'review-opened',
        data: {
          ...submission,
          policyVersion: 0,
          approvalsNeeded: 1,
          maximumApprovalDays: 900,
          dueAt: daysFromNow(-490),
        },
      },
      by,
    );
    await seed.event(
      approval,
      {
        type: 'review-approved',
        data: {
          reviewId: submission.reviewId,
          submission: 1,
          approvalVersion: 1,
          reviewerIds: ['someone'],
          scopes: reviewed.scopes,
          expiresAt: daysFromNow(100),
          conditions: [],
          endpoints: ['*'],
          reason: 'fits',
          ...over,
        },
      },
      by,
    );
  }

  /** One call under each scope, so many days from now; all of it twice when `repeated`. */
  async function use(subject: string, calls: readonly (readonly [string, number])[], repeated = false): Promise<void> {
    for (let time = 0; time < (repeated ? 2 : 1); time++) {
      for (const [sequence, [scope, days]] of calls.entries()) {
        await seed.activity(
          {
            type: 'access-allowed',
            data: {
              callId: `${sequence}`,
              endpoint: 'default',
              enforcementPoint: 'g',
              method: 'GET',
              interaction: 'read',
              resourceType: /\/(\w+)\./.exec(scope)?.[1] ?? '',
              reason: 'r',
              scope,
            },
          },
          { subject, actor: 'client:c', time: daysFromNow(days), run: subject, sequence, id: `${subject}-${sequence}` },
        );
      }
    }
  }

  it('asks about every access that is open, with evidence of its use; the items exist when it answers', async () => {
    const campaign = await open({ onSilence: 'revoke' });
    const items = await itemsOf(campaign);
    expect(campaign).toMatchObject({ population: 4, status: 'open', onSilence: 'revoke', undecided: 4 });
    const found = Object.fromEntries(
      items.map((item) => [
        item.applicationName,
        [item.recommendation, item.evidence['callsAllowed'], item.evidence['unusedScopes']],
      ]),
    );
    expect(found).toEqual({
      Used: ['keep', 2, []],
      'Half used': ['narrow', 1, ['system/Patient.rs']],
      Idle: ['revoke', 0, ['system/Observation.rs', 'system/Patient.rs']],
      "The reviewer's own": ['revoke', 0, ['system/Observation.rs', 'system/Patient.rs']],
    });
    expect(items[0]).toMatchObject({
      evidence: { days: 90, approvalVersion: 1 },
      scopes: ['system/Observation.rs', 'system/Patient.rs'],
    });
  });

  it('asks only about what is included', async () => {
    const byKind = await open({ include: { kinds: ['provider'] } });
    expect((await itemsOf(byKind)).map(({ applicationId }) => applicationId)).toEqual([idle]);
    const byId = await open({ include: { applicationIds: [used, suspended] } });
    expect((await itemsOf(byId)).map(({ applicationId }) => applicationId)).toEqual([used]);
  });

  it('sees an approval that was given a moment before', async () => {
    const late = mintId(7);
    await approve(late, 'Late');
    const campaign = await open({ include: { applicationIds: [late] } });
    expect(campaign.population).toBe(1);
  });

  it('answers a retry with the same campaign', async () => {
    const body = { name: 'Once', dueAt: daysFromNow(14) };
    const [first, second] = [
      await send('/review/campaigns', body, 'rita', { 'idempotency-key': 'k' }),
      await send('/review/campaigns', body, 'rita', { 'idempotency-key': 'k' }),
    ];
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.headers.get('location')).toBe(first.headers.get('location'));
    expect((await get(first.headers.get('location') ?? '')).headers.get('etag')).toBe(first.headers.get('etag'));
  });

  it('keeps, narrows, revokes; each once, never wider, never by the owner', async () => {
    const campaign = await open({ include: { applicationIds: [used, half, idle, reviewers] } });
    const items = new Map((await itemsOf(campaign)).map((item) => [item.applicationId, item]));
    const item = (id: string) => items.get(id)!;

    const kept = await decide(item(used), { decision: 'keep', reason: 'in use' });
    expect(kept.status).toBe(200);
    expect(await kept.json()).toMatchObject({
      id: item(used).id,
      campaignId: campaign.id,
      owner: { id: owner, name: 'Dana Developer' },
      decision: { decision: 'keep', reason: 'in use', by: { name: 'rita' }, bySilence: false },
    });
    const answers = [
      await decide(item(used), { decision: 'revoke', reason: 'again' }),
      await decide(item(half), { decision: 'narrow', scopes: ['system/Observation.cruds'], reason: 'wider' }),
      await decide(item(half), { decision: 'narrow', scopes: ['system/Observation.rs'], reason: 'half' }),
      await decide(item(idle), { decision: 'keep', reason: 'mine' }, 'dana'),
      await decide(item(reviewers), { decision: 'keep', reason: 'mine' }),
      await decide({ ...item(used), id: mintId(1) }, { decision: 'keep', reason: 'whose?' }),
      await decide(item(idle), { decision: 'keep' }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([409, 422, 200, 403, 403, 404, 400]);
    expect((await itemsOf(campaign, '?decision=none')).map(({ applicationId }) => applicationId).sort()).toEqual(
      [idle, reviewers].sort(),
    );
  });

  it('is not decided by who was given the application after the campaign had opened', async () => {
    const campaign = await open({ include: { applicationIds: [idle] } });
    const [item] = await itemsOf(campaign);
    const heir = await service.app.get<Vault>(VAULT).subjectId(issuer.issuer, 'heir');
    await seed.event(
      registration,
      { type: 'ownership-transferred', data: { ownerId: heir, previousOwnerId: owner } },
      { subject: idle, actor: owner, time: daysFromNow(0) },
    );
    // Another campaign is only answered when the transfer is known.
    await open({ include: { applicationIds: [idle] } });
    expect((await decide(item!, { decision: 'keep', reason: 'mine now' }, 'heir')).status).toBe(403);
  });

  it('ends with what silence says, and shows as evidence who decided what and when', async () => {
    const campaign = await open({ include: { applicationIds: [used, idle] }, onSilence: 'revoke' });
    const item = (await itemsOf(campaign)).find(({ applicationId }) => applicationId === used)!;
    await decide(item, { decision: 'keep', reason: 'in use' });
    const reminded = await send(`/review/campaigns/${campaign.id}/reminders`, {});
    expect(await reminded.json()).toMatchObject({ undecided: 1, remindedAt: expect.any(String) });
    const closed = await send(`/review/campaigns/${campaign.id}/closure`, { reason: 'time is up' });
    const shown = await closed.json();
    expect(shown).toMatchObject({ status: 'closed', decided: 1, bySilence: 1, undecided: 0 });
    expect(await (await get(`/review/campaigns/${campaign.id}`)).json()).toEqual(shown);

    const evidence = await get(`/review/campaigns/${campaign.id}/evidence`);
    expect(evidence.headers.get('etag')).toBe(closed.headers.get('etag'));
    const { items, ...rest } = (await evidence.json()) as { items: Item[] };
    expect(rest).toMatchObject({ openedBy: { name: 'rita' }, closedBy: { name: 'rita' }, closeReason: 'time is up' });
    expect(new Map(items.map(({ applicationId, decision }) => [applicationId, decision]))).toEqual(
      new Map([
        [used, expect.objectContaining({ decision: 'keep', bySilence: false, at: expect.any(String) })],
        [idle, expect.objectContaining({ decision: 'revoke', bySilence: true, at: expect.any(String) })],
      ]),
    );
    expect((await send(`/review/campaigns/${campaign.id}/closure`, { reason: 'again' })).status).toBe(409);
  });

  it('lists campaigns, the newest first, page by page', async () => {
    const [older, newer] = [await open({ name: 'older' }), await open({ name: 'newer' })];
    const first = (await (await get('/review/campaigns?limit=1&status=open')).json()) as {
      items: Campaign[];
      next: string;
    };
    const second = (await (await get(`/review/campaigns?limit=1&status=open&cursor=${first.next}`)).json()) as {
      items: Campaign[];
    };
    expect([first.items[0]?.id, second.items[0]?.id]).toEqual([newer.id, older.id]);
  });

  describe('what a narrower approval would have denied', () => {
    const simulate = (body: object, who?: string) => send('/access/simulations', { applicationId: used, ...body }, who);

    it('is told by the calls that were let in, each counted once', async () => {
      const response = await simulate({ scopes: ['system/Observation.rs'], days: 30 });
      expect(response.status).toBe(200);
      expect(await response.json()).toMatchObject({
        applicationId: used,
        approvedScopes: ['system/Observation.rs', 'system/Patient.rs'],
        calls: { kept: 1, narrowed: 0, denied: 1 },
        items: [
          { interaction: 'read', resourceType: 'Patient', scope: 'system/Patient.rs', calls: 1, effect: 'denied' },
          { interaction: 'read', resourceType: 'Observation', calls: 1, effect: 'kept' },
        ],
      });
    });

    it('a revocation would have denied all of it, and what is older than asked does not count', async () => {
      const answer = await (await simulate({ scopes: [], days: 366 })).json();
      expect(answer).toMatchObject({ calls: { kept: 0, narrowed: 0, denied: 2 } });
    });

    it('refuses what is no scope, wider than approved, unknown, and other people', async () => {
      const answers = await Promise.all([
        simulate({ scopes: ['system/Nothing.x'] }),
        simulate({ scopes: ['system/Condition.r'] }),
        simulate({ scopes: [], days: 0 }),
        simulate({ applicationId: mintId(1), scopes: [] }),
        service.call('/access/simulations', {
          json: { applicationId: used, scopes: [] },
          headers: await issuer.bearer('auditor', 'auditor'),
        }),
      ]);
      expect(answers.map(({ status }) => status)).toEqual([400, 422, 400, 404, 403]);
    });
  });

  it('refuses what is malformed, past due, unknown, and other people', async () => {
    const statuses = [
      await send('/review/campaigns', { name: 'Q1', dueAt: daysFromNow(-1) }),
      await send('/review/campaigns', { name: 'Q1', dueAt: 'soon' }),
      await send('/review/campaigns', { name: 'Q1', dueAt: daysFromNow(1), more: true }),
      await send(`/review/campaigns/${mintId(1)}/closure`, { reason: 'none' }),
      await get(`/review/campaigns/${mintId(1)}/items`),
      await get('/review/campaigns', 'developer'),
      await service.call('/review/campaigns'),
    ].map(({ status }) => status);
    expect(statuses).toEqual([422, 400, 400, 404, 404, 403, 401]);
  });
});
