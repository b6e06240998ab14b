import {
  type Addressed,
  type CampaignItem,
  type Decision,
  mintId,
  mintIdBeside,
  type Recorded,
  type ReviewCommand,
  type ReviewEvent,
} from '#contracts';
import { campaignDecider } from './campaign.decider.js';
import type { Campaign } from './domain/campaign.js';

const campaignId = mintId(5);
const NOW = '2026-01-10T00:00:00.000Z';

const item = (over: Partial<CampaignItem> = {}): CampaignItem => ({
  id: mintIdBeside(campaignId),
  applicationId: mintId(2),
  applicationName: 'Lab viewer',
  ownerId: 'owner',
  scopes: ['system/Observation.rs', 'system/Patient.rs'],
  evidence: {
    approvalVersion: 1,
    expiresAt: '2027-01-01T00:00:00Z',
    tokensIssued: 0,
    callsAllowed: 0,
    callsDenied: 0,
    unusedScopes: [],
    days: 90,
  },
  recommendation: 'keep',
  ...over,
});

function command(message: ReviewCommand, actor = 'reviewer'): Addressed<ReviewCommand> {
  const meta = {
    id: 'c',
    subject: campaignId,
    actor,
    time: NOW,
    deadline: NOW,
    bodyDigest: '',
    correlationId: 'x',
    causationId: 'x',
  };
  return { ...message, meta };
}

function given(...events: readonly ReviewEvent[]): Campaign | undefined {
  let campaign: Campaign | undefined;
  events.forEach((event, index) => {
    const recorded: Recorded<ReviewEvent> = {
      ...event,
      meta: {
        id: `e${index}`,
        subject: campaignId,
        time: NOW,
        actor: 'opener',
        correlationId: 'x',
        causationId: 'x',
        version: index + 1,
        commandOffset: 0n,
      },
    };
    campaign = campaignDecider.evolve(campaign, recorded);
  });
  return campaign;
}

const opened = (items: readonly CampaignItem[], onSilence: 'keep' | 'revoke' = 'keep'): readonly ReviewEvent[] => [
  {
    type: 'campaign-opened',
    data: { name: 'Q1', dueAt: '2026-02-01T00:00:00Z', include: {}, onSilence, population: items.length },
  },
  { type: 'campaign-items-added', data: { items: [...items] } },
];
const kept = (of: CampaignItem): ReviewEvent => ({
  type: 'item-decided',
  data: { itemId: of.id, applicationId: of.applicationId, decision: 'keep', reason: 'in use', bySilence: false },
});
const closed: ReviewEvent = { type: 'campaign-closed', data: { reason: 'over', decided: 0, bySilence: 0 } };

const opening = (items: CampaignItem[], dueAt = '2026-02-01T00:00:00Z') =>
  command({ type: 'open-campaign', data: { name: 'Q1', dueAt, include: {}, onSilence: 'revoke', items } });
const deciding = (of: CampaignItem, over: object = {}, actor?: string) =>
  command({ type: 'decide-item', data: { itemId: of.id, decision: 'keep', reason: 'in use', ...over } }, actor);
const closing = command({ type: 'close-campaign', data: { reason: 'over' } });
const reminding = command({ type: 'remind-campaign', data: {} });

const refusal = (decision: Decision<ReviewEvent>) =>
  decision.kind === 'refused' ? [decision.refusal.status, decision.refusal.type] : 'accepted';
const events = (decision: Decision<ReviewEvent>) => (decision.kind === 'accepted' ? decision.events : decision.refusal);

describe('opening a campaign', () => {
  it('asks about every access that came with the command, at most 200 in an event', () => {
    const items = Array.from({ length: 401 }, () => item());
    const [first, ...portions] = [
      ...(events(campaignDecider.decide(undefined, opening(items))) as readonly ReviewEvent[]),
    ];
    expect(first).toMatchObject({ type: 'campaign-opened', data: { population: 401, onSilence: 'revoke' } });
    expect(portions.map((event) => (event.type === 'campaign-items-added' ? event.data.items.length : event))).toEqual([
      200, 200, 1,
    ]);
    expect(portions.flatMap((event) => (event.type === 'campaign-items-added' ? event.data.items : []))).toEqual(items);
  });

  it('keeps every event within a record, however many scopes the items have', () => {
    const scopes = Array.from(
      { length: 200 },
      (_, index) => `system/Observation.rs?code=${String(index).padStart(60, 'x')}`,
    );
    const decision = campaignDecider.decide(undefined, opening(Array.from({ length: 100 }, () => item({ scopes }))));
    const sizes = (events(decision) as readonly ReviewEvent[]).map((event) => JSON.stringify(event).length);
    expect(sizes.length).toBeGreaterThan(3);
    expect(Math.max(...sizes)).toBeLessThan(400_000);
  });

  it('is refused when it is due before it begins, and a second time', () => {
    expect(refusal(campaignDecider.decide(undefined, opening([], NOW)))).toEqual([422, 'due-in-the-past']);
    expect(refusal(campaignDecider.decide(given(...opened([])), opening([])))).toEqual([409, 'already-opened']);
  });
});

describe('deciding an item', () => {
  const it1 = item();
  const it2 = item();
  const campaign = given(...opened([it1, it2]), kept(it2));

  it.each(['keep', 'revoke'] as const)('%s says so of the application', (decision) => {
    expect(events(campaignDecider.decide(campaign, deciding(it1, { decision })))).toEqual([
      {
        type: 'item-decided',
        data: { itemId: it1.id, applicationId: it1.applicationId, decision, reason: 'in use', bySilence: false },
      },
    ]);
  });

  it('narrow leaves less than was approved', () => {
    const scopes = ['system/Observation.r'];
    expect(events(campaignDecider.decide(campaign, deciding(it1, { decision: 'narrow', scopes })))).toMatchObject([
      { type: 'item-decided', data: { decision: 'narrow', scopes } },
    ]);
  });

  it.each([
    ['wider', 'narrow', ['system/Observation.cruds']],
    ['wider', 'narrow', ['system/Observation.rs', 'system/Condition.r']],
    ['not-narrower', 'narrow', ['system/Patient.rs', 'system/Observation.rs']],
    ['no-scopes', 'narrow', []],
    ['no-scopes', 'narrow', undefined],
    ['not-a-scope', 'narrow', ['everything']],
    ['scopes-without-narrowing', 'keep', ['system/Observation.r']],
  ])('is refused as %s: %s %j', (type, decision, scopes) => {
    const asked = deciding(it1, { decision, ...(scopes === undefined ? {} : { scopes }) });
    expect(refusal(campaignDecider.decide(campaign, asked))).toEqual([422, type]);
  });

  it('is never for the owner of the application', () => {
    expect(refusal(campaignDecider.decide(campaign, deciding(it1, {}, 'owner')))).toEqual([403, 'own-application']);
    const transferred = deciding(it1, { ownerId: 'heir' }, 'heir');
    expect(refusal(campaignDecider.decide(campaign, transferred))).toEqual([403, 'own-application']);
  });

  it('happens once', () => {
    expect(refusal(campaignDecider.decide(campaign, deciding(it2, { decision: 'revoke' })))).toEqual([
      409,
      'already-decided',
    ]);
  });

  it('needs an item of this campaign, and an open campaign', () => {
    expect(refusal(campaignDecider.decide(campaign, deciding(item())))).toEqual([404, 'not-found']);
    expect(refusal(campaignDecider.decide(undefined, deciding(it1)))).toEqual([404, 'not-found']);
    expect(refusal(campaignDecider.decide(given(...opened([it1]), closed), deciding(it1)))).toEqual([
      409,
      'campaign-closed',
    ]);
  });
});

describe('the end of a campaign', () => {
  const [a, b, c] = [item(), item(), item()];

  it('lets silence decide what nobody decided, and nothing else', () => {
    const campaign = given(...opened([a, b, c], 'revoke'), kept(b));
    const ended = events(campaignDecider.decide(campaign, closing)) as readonly ReviewEvent[];
    expect(ended).toMatchObject([
      { type: 'item-decided', data: { itemId: a.id, decision: 'revoke', bySilence: true } },
      { type: 'item-decided', data: { itemId: c.id, decision: 'revoke', bySilence: true } },
      { type: 'campaign-closed', data: { decided: 1, bySilence: 2 } },
    ]);
    const after = given(...opened([a, b, c], 'revoke'), kept(b), ...ended);
    expect(after && campaignDecider.view(after, 6)).toMatchObject({
      id: campaignId,
      version: 6,
      status: 'closed',
      population: 3,
      decided: 1,
      bySilence: 2,
      undecided: 0,
    });
  });

  it('comes once', () => {
    expect(refusal(campaignDecider.decide(given(...opened([a]), closed), closing))).toEqual([409, 'campaign-closed']);
  });
});

describe('a reminder', () => {
  const a = item();

  it('says how many are undecided', () => {
    expect(events(campaignDecider.decide(given(...opened([a])), reminding))).toEqual([
      { type: 'campaign-reminded', data: { undecided: 1 } },
    ]);
  });

  it('is not needed when all is decided', () => {
    expect(events(campaignDecider.decide(given(...opened([a]), kept(a)), reminding))).toEqual([]);
  });
});
