import {
  accept,
  type CommandOf,
  type Decider,
  type Decision,
  review,
  type ReviewCommand,
  type ReviewEvent,
} from '#contracts';
import { isNarrowerOrEqual, parseScopes } from '#smart';
import { type Campaign, evolveCampaign, viewOfCampaign } from './domain/campaign.js';
import { portionsOf } from './domain/portions.js';
import {
  alreadyDecided,
  alreadyOpened,
  campaignClosed,
  dueInThePast,
  noSuchCampaign,
  noSuchItem,
  ownApplication,
  wrongScopes,
} from './domain/refusals.js';

type DataOf<T extends ReviewCommand['type']> = Extract<CommandOf<typeof review>, { readonly type: T }>['data'];

/** Decides about certification campaigns. The population comes with the command: a decider never looks across. */
export const campaignDecider: Decider<typeof review, Campaign> = {
  contract: review,
  version: 1,
  evolve: evolveCampaign,
  view: viewOfCampaign,

  decide(campaign, { type, data, meta }) {
    if (type === 'open-campaign') return campaign === undefined ? open(data, meta.time) : alreadyOpened();
    if (campaign === undefined) return noSuchCampaign();
    if (campaign.status === 'closed') return campaignClosed(campaign.closedAt);
    switch (type) {
      case 'decide-item':
        return decideItem(campaign, data, meta.actor);
      case 'remind-campaign':
        return remind(campaign);
      case 'close-campaign':
        return close(campaign, data);
      default: {
        const unknown: never = type;
        throw new Error(`no such command of a campaign: ${String(unknown)}`);
      }
    }
  },
};

function open({ items, ...opening }: DataOf<'open-campaign'>, now: string): Decision<ReviewEvent> {
  if (Date.parse(opening.dueAt) <= Date.parse(now)) return dueInThePast();
  return accept<ReviewEvent>(
    { type: 'campaign-opened', data: { ...opening, population: items.length } },
    ...portionsOf(items).map((portion): ReviewEvent => ({
      type: 'campaign-items-added',
      data: { items: [...portion] },
    })),
  );
}

function decideItem(
  campaign: Campaign,
  { ownerId, ...data }: DataOf<'decide-item'>,
  actor: string,
): Decision<ReviewEvent> {
  const item = campaign.items[data.itemId];
  if (item === undefined) return noSuchItem();
  if (item.ownerId === actor || ownerId === actor) return ownApplication();
  if (campaign.decided.includes(data.itemId)) return alreadyDecided();
  return (
    refusedScopes(data, item.scopes) ??
    accept({ type: 'item-decided', data: { ...data, applicationId: item.applicationId, bySilence: false } })
  );
}

/** Only `narrow` takes scopes: some of what is approved now, and less than all of it. */
function refusedScopes({ decision, scopes }: DataOf<'decide-item'>, approved: readonly string[]) {
  if (decision !== 'narrow') {
    return scopes === undefined ? undefined : wrongScopes('Only narrowing takes scopes.', 'scopes-without-narrowing');
  }
  if (scopes === undefined || scopes.length === 0) {
    return wrongScopes('Name the scopes that remain; to leave none, revoke.', 'no-scopes');
  }
  const wanted = parseScopes(scopes);
  if (!wanted.ok) {
    const [fault] = wanted.faults;
    return wrongScopes(`${scopes[fault?.index ?? 0] ?? ''}: expected ${fault?.expected ?? 'a scope'}.`, 'not-a-scope');
  }
  const current = parseScopes(approved);
  if (!current.ok) throw new Error(`an approved scope cannot be read: ${approved.join(' ')}`);
  if (!isNarrowerOrEqual(wanted.scopes, current.scopes)) return wrongScopes('Wider than what is approved.', 'wider');
  if (isNarrowerOrEqual(current.scopes, wanted.scopes))
    return wrongScopes('This is all that is approved; to leave it so, keep.');
  return undefined;
}

function remind(campaign: Campaign): Decision<ReviewEvent> {
  const undecided = campaign.population - campaign.decided.length;
  return undecided === 0 ? accept() : accept({ type: 'campaign-reminded', data: { undecided } });
}

/** What nobody decided follows `onSilence`. */
function close(campaign: Campaign, { reason }: DataOf<'close-campaign'>): Decision<ReviewEvent> {
  const decided = new Set(campaign.decided);
  const silent = Object.entries(campaign.items)
    .filter(([itemId]) => !decided.has(itemId))
    .map(([itemId, { applicationId }]): ReviewEvent => ({
      type: 'item-decided',
      data: {
        itemId,
        applicationId,
        decision: campaign.onSilence,
        reason: 'Nobody decided before the campaign was closed.',
        bySilence: true,
      },
    }));
  return accept<ReviewEvent>(...silent, {
    type: 'campaign-closed',
    data: { reason, decided: decided.size, bySilence: silent.length },
  });
}
