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
import { Controller, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { campaignSchema } from '../see-campaigns/campaign-dto.js';
import { ShownInTime } from '../see-campaigns/shown-in-time.js';

/** Notes in the log that the reviewers of a campaign are reminded of what is undecided. */
@Controller('review/campaigns')
@ApiTags('review')
export class RemindCampaignController {
  constructor(
    @InjectCommands(review) private readonly commands: CommandPort<typeof review>,
    private readonly shown: ShownInTime,
  ) {}

  @Post(':id/reminders')
  @Roles('reviewer', 'operator')
  @Commands(campaignSchema)
  async remind(@UuidParam() id: string, @CommandContext() request: CommandRequest) {
    if (!isId(id)) throw notFound();
    const answer = await this.commands.send({
      ...newCommand(request, {}),
      type: 'remind-campaign',
      subject: id,
      data: {},
    });
    return await this.shown.orAccepted(answer, () => answerCommand(answer, { context: 'review' }));
  }
}
