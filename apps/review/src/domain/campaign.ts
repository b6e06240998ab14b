import type { CampaignItem, Recorded, ReviewCommand, ReviewEvent } from '#contracts';

type Opening = Extract<ReviewCommand, { readonly type: 'open-campaign' }>['data'];

/** What the decider must know of an item; the rest stands in the projection. */
export type KnownItem = Pick<CampaignItem, 'applicationId' | 'ownerId' | 'scopes'>;

/** A certification campaign as its events have left it. */
export interface Campaign {
  readonly id: string;
  readonly name: string;
  readonly status: 'open' | 'closed';
  readonly dueAt: string;
  readonly include: Opening['include'];
  readonly onSilence: Opening['onSilence'];
  readonly population: number;
  readonly openedAt: string;
  readonly openedBy: string;
  readonly items: Readonly<Record<string, KnownItem>>;
  /** Ids of the items that somebody has decided; what silence decided is only counted. */
  readonly decided: readonly string[];
  readonly bySilence: number;
  readonly remindedAt?: string;
  readonly closedAt?: string;
  readonly closedBy?: string;
}

/** What an event makes of a campaign. */
export function evolveCampaign(campaign: Campaign | undefined, event: Recorded<ReviewEvent>): Campaign {
  const { data, meta, type } = event;
  if (type === 'campaign-opened') {
    return {
      ...data,
      id: meta.subject,
      status: 'open',
      openedAt: meta.time,
      openedBy: meta.actor,
      items: {},
      decided: [],
      bySilence: 0,
    };
  }
  if (campaign === undefined) throw new Error(`${type} of a campaign that was not opened: ${meta.subject}`);
  switch (type) {
    case 'campaign-items-added':
      return { ...campaign, items: { ...campaign.items, ...known(data.items) } };
    case 'item-decided':
      // A closing campaign decides thousands at once: each must cost little.
      return data.bySilence
        ? { ...campaign, bySilence: campaign.bySilence + 1 }
        : { ...campaign, decided: [...campaign.decided, data.itemId] };
    case 'campaign-reminded':
      return { ...campaign, remindedAt: meta.time };
    case 'campaign-closed':
      return { ...campaign, status: 'closed', closedAt: meta.time, closedBy: meta.actor };
    default: {
      const unknown: never = type;
      throw new Error(`no such event of a campaign: ${String(unknown)}`);
    }
  }
}

/** The campaign as a `GET` shows it (api.md, Shapes). */
export function viewOfCampaign(campaign: Campaign, version: number) {
  const { items: _items, decided, bySilence, ...shown } = campaign;
  return {
    ...shown,
    version,
    decided: decided.length,
    bySilence,
    undecided: campaign.population - decided.length - bySilence,
  };
}

function known(items: readonly CampaignItem[]): Record<string, KnownItem> {
  return Object.fromEntries(
    items.map(({ id, applicationId, ownerId, scopes }) => [id, { applicationId, ownerId, scopes }]),
  );
}
