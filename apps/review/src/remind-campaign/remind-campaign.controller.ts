import {
  answerCommand,
  ApiTags,
  CommandContext,
  type CommandRequest,
  Commands,
  EmptyBody,
  MintedId,
  Roles,
} from '#host';
import { Controller, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { campaignSchema } from '../see-campaigns/campaign-dto.js';
import { ShownInTime } from '../see-campaigns/shown-in-time.js';
import { RemindCampaign } from './remind-campaign.handler.js';

@Controller('review/campaigns')
@ApiTags('review')
export class RemindCampaignController {
  constructor(
    private readonly commands: CommandBus,
    private readonly shown: ShownInTime,
  ) {}

  /** Notes in the log that the reviewers of a campaign are reminded of what is undecided. */
  @Post(':id/reminders')
  @Roles('reviewer', 'operator')
  @Commands(campaignSchema)
  async remind(
    @MintedId() id: string,
    @EmptyBody() body: Record<string, never>,
    @CommandContext() request: CommandRequest,
  ) {
    const answer = await this.commands.execute(new RemindCampaign(id, body, request));
    return this.shown.orAccepted(answer, () => answerCommand(answer, { context: 'review' }));
  }
}
