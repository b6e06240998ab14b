import { review } from '#contracts';
import type { CommandAnswer, CommandPort } from '#event-log';
import { InjectCommands, newCommand, RequestedCommand } from '#host';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { OpenAccess } from '../know-access/open-access.js';
import { Campaigns } from '../see-campaigns/campaigns.js';
import type { ItemDecision } from './decide-item.dto.js';

/** A reviewer keeps, narrows or revokes an access. Reactors carry that to approval and to registration. */
export class DecideItem extends RequestedCommand<ItemDecision> {}

@CommandHandler(DecideItem)
export class DecideItemHandler implements ICommandHandler<DecideItem> {
  constructor(
    @InjectCommands(review) private readonly commands: CommandPort<typeof review>,
    private readonly campaigns: Campaigns,
    private readonly access: OpenAccess,
  ) {}

  /** The owner of now goes with the command, so that nobody decides on an application of their own. */
  async execute({ subject: itemId, body, request }: DecideItem): Promise<CommandAnswer> {
    const { campaignId, applicationId } = await this.campaigns.item(itemId);
    const ownerId = await this.access.ownerOf(applicationId);
    const { decision, scopes, reason } = body;
    return this.commands.send({
      ...newCommand(request, body),
      type: 'decide-item',
      subject: campaignId,
      data: {
        itemId,
        decision,
        reason,
        ...(scopes === undefined ? {} : { scopes }),
        ...(ownerId === undefined ? {} : { ownerId }),
      },
    });
  }
}
