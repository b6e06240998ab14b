import { isId, review } from '#contracts';
import type { CommandPort } from '#event-log';
import {
  answerCommand,
  CommandContext,
  type CommandRequest,
  Commands,
  InjectCommands,
  newCommand,
  notFound,
  Roles,
  UuidParam,
} from '#host';
import { Body, Controller, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { IsString, Length, Matches } from 'class-validator';
import { campaignSchema } from '../see-campaigns/campaign-dto.js';
import { ShownInTime } from '../see-campaigns/shown-in-time.js';

export class CloseCampaign {
  @IsString()
  @Length(1, 2000)
  @Matches(/\S/)
  reason: string;
}

/** Closes a campaign: what nobody decided follows its `onSilence`. */
@Controller('review/campaigns')
@ApiTags('review')
export class CloseCampaignController {
  constructor(
    @InjectCommands(review) private readonly commands: CommandPort<typeof review>,
    private readonly shown: ShownInTime,
  ) {}

  @Post(':id/closure')
  @Roles('reviewer', 'operator')
  @Commands(campaignSchema)
  async close(@UuidParam() id: string, @Body() body: CloseCampaign, @CommandContext() request: CommandRequest) {
    if (!isId(id)) throw notFound();
    const answer = await this.commands.send({
      ...newCommand(request, body),
      type: 'close-campaign',
      subject: id,
      data: { reason: body.reason },
    });
    return await this.shown.orAccepted(answer, () => answerCommand(answer, { context: 'review' }));
  }
}
