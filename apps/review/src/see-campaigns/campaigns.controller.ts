import type { Position } from '#contracts';
import { Answer, ApiTags, Lists, Reads, Roles, SeenPositions, UuidParam } from '#host';
import { Controller, Get, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { campaignSchema, evidenceSchema, itemSchema } from './campaign-dto.js';
import { CampaignsQuery, ItemsQuery } from './campaigns-query.js';
import { ListCampaigns, ListItems, ReadCampaign, ReadEvidence } from './campaigns.queries.js';

/** Certification campaigns, their items, and what was decided (api.md, Resources). */
@Controller('review/campaigns')
@ApiTags('review')
@Roles('reviewer', 'operator')
export class CampaignsController {
  constructor(private readonly queries: QueryBus) {}

  /** Campaigns, the newest first. */
  @Get()
  @Lists(campaignSchema)
  list(@Query() asked: CampaignsQuery, @SeenPositions() seen: readonly Position[]) {
    return this.queries.execute(new ListCampaigns(asked, seen));
  }

  /** One campaign, and how far it is. */
  @Get(':id')
  @Reads(campaignSchema)
  async read(@UuidParam() id: string, @SeenPositions() seen: readonly Position[]) {
    const campaign = await this.queries.execute(new ReadCampaign(id, seen));
    return Answer.ok(campaign, { version: campaign.version });
  }

  /** The accesses that a campaign asks about. */
  @Get(':id/items')
  @Lists(itemSchema)
  items(@UuidParam() id: string, @Query() asked: ItemsQuery, @SeenPositions() seen: readonly Position[]) {
    return this.queries.execute(new ListItems(id, asked, seen));
  }

  /** Everything that was asked and decided, by whom and when. */
  @Get(':id/evidence')
  @Reads(evidenceSchema)
  async evidence(@UuidParam() id: string, @SeenPositions() seen: readonly Position[]) {
    const evidence = await this.queries.execute(new ReadEvidence(id, seen));
    return Answer.ok(evidence, { version: evidence.campaign.version });
  }
}
