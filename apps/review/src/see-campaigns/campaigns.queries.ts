import type { Position } from '#contracts';
import { decodeCursor, malformed, type Page } from '#host';
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { isUUID } from 'class-validator';
import { campaignOf, type itemOf } from './campaign-rows.js';
import type { CampaignsQuery, ItemsQuery } from './campaigns-query.js';
import { Campaigns } from './campaigns.js';

type Campaign = ReturnType<typeof campaignOf>;

/** Campaigns, the newest first. */
export class ListCampaigns extends Query<Page<Campaign>> {
  constructor(
    readonly asked: CampaignsQuery,
    readonly seen: readonly Position[],
  ) {
    super();
  }
}

@QueryHandler(ListCampaigns)
export class ListCampaignsHandler implements IQueryHandler<ListCampaigns> {
  constructor(private readonly campaigns: Campaigns) {}

  async execute({ asked, seen }: ListCampaigns) {
    await this.campaigns.reached(seen);
    const after = asked.cursor === undefined ? undefined : decodeCursor(asked.cursor, ['string', 'string']);
    if (after !== undefined && !isPlace(after)) throw badCursor();
    return this.campaigns.list(asked.limit, asked.status, after);
  }
}

/** One campaign, and how far it is. */
export class ReadCampaign extends Query<Campaign> {
  constructor(
    readonly id: string,
    readonly seen: readonly Position[],
  ) {
    super();
  }
}

@QueryHandler(ReadCampaign)
export class ReadCampaignHandler implements IQueryHandler<ReadCampaign> {
  constructor(private readonly campaigns: Campaigns) {}

  async execute({ id, seen }: ReadCampaign) {
    await this.campaigns.reached(seen);
    return campaignOf(await this.campaigns.read(id));
  }
}

/** The accesses that a campaign asks about. */
export class ListItems extends Query<Page<ReturnType<typeof itemOf>>> {
  constructor(
    readonly id: string,
    readonly asked: ItemsQuery,
    readonly seen: readonly Position[],
  ) {
    super();
  }
}

@QueryHandler(ListItems)
export class ListItemsHandler implements IQueryHandler<ListItems> {
  constructor(private readonly campaigns: Campaigns) {}

  async execute({ id, asked: { cursor, ...asked }, seen }: ListItems) {
    await this.campaigns.reached(seen);
    const [after] = cursor === undefined ? [] : decodeCursor(cursor, ['string']);
    if (after !== undefined && !isUUID(after)) throw badCursor();
    await this.campaigns.read(id);
    return this.campaigns.items(id, { ...asked, ...(after === undefined ? {} : { after: String(after) }) });
  }
}

/** Everything that was asked and decided, by whom and when. */
export class ReadEvidence extends Query<Awaited<ReturnType<Campaigns['evidence']>>> {
  constructor(
    readonly id: string,
    readonly seen: readonly Position[],
  ) {
    super();
  }
}

@QueryHandler(ReadEvidence)
export class ReadEvidenceHandler implements IQueryHandler<ReadEvidence> {
  constructor(private readonly campaigns: Campaigns) {}

  async execute({ id, seen }: ReadEvidence) {
    await this.campaigns.reached(seen);
    return this.campaigns.evidence(id);
  }
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

function isPlace([openedAt, id]: readonly unknown[]): boolean {
  return typeof openedAt === 'string' && TIME.test(openedAt) && !Number.isNaN(Date.parse(openedAt)) && isUUID(id);
}

function badCursor() {
  return malformed('The cursor is not one of this list.', [
    { pointer: '/cursor', detail: 'must be the `next` of a page of this list' },
  ]);
}
