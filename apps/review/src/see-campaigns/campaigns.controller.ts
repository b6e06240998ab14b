import type { Position } from '#contracts';
import { Answer, decodeCursor, Lists, malformed, Reads, Roles, SeenPositions, UuidParam } from '#host';
import { Controller, Get, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { isUUID } from 'class-validator';
import { campaignSchema, evidenceSchema, itemSchema } from './campaign-dto.js';
import { campaignOf } from './campaign-rows.js';
import { CampaignsQuery, ItemsQuery } from './campaigns-query.js';
import { Campaigns } from './campaigns.js';

/** Certification campaigns, their items, and what was decided (api.md, Resources). */
@Controller('review/campaigns')
@ApiTags('review')
@Roles('reviewer', 'operator')
export class CampaignsController {
  constructor(private readonly campaigns: Campaigns) {}

  /** Campaigns, the newest first. */
  @Get()
  @Lists(campaignSchema)
  async list(@Query() query: CampaignsQuery, @SeenPositions() seen: readonly Position[]) {
    await this.campaigns.reached(seen);
    const after = query.cursor === undefined ? undefined : decodeCursor(query.cursor, ['string', 'string']);
    if (after !== undefined && !isPlace(after)) throw badCursor();
    return await this.campaigns.list(query.limit, query.status, after);
  }

  /** One campaign, and how far it is. */
  @Get(':id')
  @Reads(campaignSchema)
  async read(@UuidParam() id: string, @SeenPositions() seen: readonly Position[]) {
    await this.campaigns.reached(seen);
    const row = await this.campaigns.read(id);
    return Answer.ok(campaignOf(row), { version: row.version });
  }

  /** The accesses that a campaign asks about. */
  @Get(':id/items')
  @Lists(itemSchema)
  async items(@UuidParam() id: string, @Query() query: ItemsQuery, @SeenPositions() seen: readonly Position[]) {
    await this.campaigns.reached(seen);
    const { cursor, ...asked } = query;
    const [after] = cursor === undefined ? [] : decodeCursor(cursor, ['string']);
    if (after !== undefined && !isUUID(after)) throw badCursor();
    await this.campaigns.read(id);
    return await this.campaigns.items(id, { ...asked, ...(after === undefined ? {} : { after: String(after) }) });
  }

  /** Everything that was asked and decided, by whom and when. */
  @Get(':id/evidence')
  @Reads(evidenceSchema)
  async evidence(@UuidParam() id: string, @SeenPositions() seen: readonly Position[]) {
    await this.campaigns.reached(seen);
    const evidence = await this.campaigns.evidence(id);
    return Answer.ok(evidence, { version: evidence.campaign.version });
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
