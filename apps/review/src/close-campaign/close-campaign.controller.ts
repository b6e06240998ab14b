import { answerCommand, ApiTags, CommandContext, type CommandRequest, Commands, MintedId, Roles } from '#host';
import { Body, Controller, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { campaignSchema } from '../see-campaigns/campaign-dto.js';
import { ShownInTime } from '../see-campaigns/shown-in-time.js';
import { CampaignClosure } from './close-campaign.dto.js';
import { CloseCampaign } from './close-campaign.handler.js';

@Controller('review/campaigns')
@ApiTags('review')
export class CloseCampaignController {
  constructor(
    private readonly commands: CommandBus,
    private readonly shown: ShownInTime,
  ) {}

  /** Closes a campaign: what nobody decided follows its `onSilence`. */
  @Post(':id/closure')
  @Roles('reviewer', 'operator')
  @Commands(campaignSchema)
  async close(@MintedId() id: string, @Body() body: CampaignClosure, @CommandContext() request: CommandRequest) {
    const answer = await this.commands.execute(new CloseCampaign(id, body, request));
    return this.shown.orAccepted(answer, () => answerCommand(answer, { context: 'review' }));
  }
}
