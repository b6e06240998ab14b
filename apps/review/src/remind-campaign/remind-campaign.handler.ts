import { review } from '#contracts';
import type { CommandAnswer, CommandPort } from '#event-log';
import { InjectCommands, newCommand, RequestedCommand } from '#host';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';

/** Notes in the log that the reviewers of a campaign are reminded of what is undecided. */
export class RemindCampaign extends RequestedCommand {}

@CommandHandler(RemindCampaign)
export class RemindCampaignHandler implements ICommandHandler<RemindCampaign> {
  constructor(@InjectCommands(review) private readonly commands: CommandPort<typeof review>) {}

  execute({ subject, body, request }: RemindCampaign): Promise<CommandAnswer> {
    return this.commands.send({ ...newCommand(request, body), type: 'remind-campaign', subject, data: {} });
  }
}
