import { answerCommand, ApiTags, CommandContext, type CommandRequest, Creates, Roles } from '#host';
import { Body, Controller, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { campaignSchema } from '../see-campaigns/campaign-dto.js';
import { ShownInTime } from '../see-campaigns/shown-in-time.js';
import { NewCampaign } from './open-campaign.dto.js';
import { OpenCampaign } from './open-campaign.handler.js';

@Controller('review/campaigns')
@ApiTags('review')
export class OpenCampaignController {
  constructor(
    private readonly commands: CommandBus,
    private readonly shown: ShownInTime,
  ) {}

  /** Opens a campaign over the access that is open now. Its items exist when this answers 201. */
  @Post()
  @Roles('reviewer', 'operator')
  @Creates(campaignSchema)
  async open(@Body() body: NewCampaign, @CommandContext() request: CommandRequest) {
    const answer = await this.commands.execute(new OpenCampaign(body, request));
    return this.shown.orAccepted(answer, () =>
      answerCommand(answer, { context: 'review', created: (done) => `/review/campaigns/${done.subject}` }),
    );
  }
}
