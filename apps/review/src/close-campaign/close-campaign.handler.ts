import { review } from '#contracts';
import type { CommandAnswer, CommandPort } from '#event-log';
import { InjectCommands, newCommand, RequestedCommand } from '#host';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { CampaignClosure } from './close-campaign.dto.js';

/** Closes a campaign: what nobody decided follows its `onSilence`. */
export class CloseCampaign extends RequestedCommand<CampaignClosure> {}

@CommandHandler(CloseCampaign)
export class CloseCampaignHandler implements ICommandHandler<CloseCampaign> {
  constructor(@InjectCommands(review) private readonly commands: CommandPort<typeof review>) {}

  execute({ subject, body: { reason }, request }: CloseCampaign): Promise<CommandAnswer> {
    return this.commands.send({
      ...newCommand(request, { reason }),
      type: 'close-campaign',
      subject,
      data: { reason },
    });
  }
}
