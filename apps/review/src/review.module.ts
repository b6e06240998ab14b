import { review } from '#contracts';
import { commandsController, provideCommands, projectionsController, provideProjection, provideWriter } from '#host';
import { Module } from '@nestjs/common';
import { campaignDecider } from './campaign.decider.js';
import { CloseCampaignController } from './close-campaign/close-campaign.controller.js';
import { CloseCampaignHandler } from './close-campaign/close-campaign.handler.js';
import { DecideItemController } from './decide-item/decide-item.controller.js';
import { DecideItemHandler } from './decide-item/decide-item.handler.js';
import { OpenAccess } from './know-access/open-access.js';
import { openAccessProjection } from './know-access/open-access.projection.js';
import { OpenCampaignController } from './open-campaign/open-campaign.controller.js';
import { OpenCampaignHandler } from './open-campaign/open-campaign.handler.js';
import { RemindCampaignController } from './remind-campaign/remind-campaign.controller.js';
import { RemindCampaignHandler } from './remind-campaign/remind-campaign.handler.js';
import { CampaignsController } from './see-campaigns/campaigns.controller.js';
import { Campaigns } from './see-campaigns/campaigns.js';
import { campaignsProjection } from './see-campaigns/campaigns.projection.js';
import {
  ListCampaignsHandler,
  ListItemsHandler,
  ReadCampaignHandler,
  ReadEvidenceHandler,
} from './see-campaigns/campaigns.queries.js';
import { ShownInTime } from './see-campaigns/shown-in-time.js';
import { SimulateApprovalController } from './simulate-approval/simulate-approval.controller.js';
import { SimulateApprovalHandler } from './simulate-approval/simulate-approval.query.js';

@Module({
  controllers: [
    OpenCampaignController,
    CampaignsController,
    DecideItemController,
    RemindCampaignController,
    CloseCampaignController,
    SimulateApprovalController,
    commandsController(review),
    projectionsController('review', [campaignsProjection, openAccessProjection]),
  ],
  providers: [
    ...provideCommands(review),
    ...provideWriter(campaignDecider),
    ...provideProjection(campaignsProjection),
    ...provideProjection(openAccessProjection),
    CloseCampaignHandler,
    DecideItemHandler,
    OpenCampaignHandler,
    RemindCampaignHandler,
    ListCampaignsHandler,
    ListItemsHandler,
    ReadCampaignHandler,
    ReadEvidenceHandler,
    SimulateApprovalHandler,
    OpenAccess,
    Campaigns,
    ShownInTime,
  ],
})
export class ReviewModule {}
