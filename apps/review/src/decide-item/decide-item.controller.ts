import { review } from '#contracts';
import type { CommandPort } from '#event-log';
import {
  answerCommand,
  CommandContext,
  type CommandRequest,
  Commands,
  InjectCommands,
  newCommand,
  Roles,
  UuidParam,
} from '#host';
import { Body, Controller, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { OpenAccess } from '../know-access/open-access.js';
import { itemSchema } from '../see-campaigns/campaign-dto.js';
import { Campaigns } from '../see-campaigns/campaigns.js';
import { ShownInTime } from '../see-campaigns/shown-in-time.js';
import { DecideItem } from './decide-item.dto.js';

/** A reviewer keeps, narrows or revokes an access. */
@Controller('review/items')
@ApiTags('review')
export class DecideItemController {
  constructor(
    @InjectCommands(review) private readonly commands: CommandPort<typeof review>,
    private readonly campaigns: Campaigns,
    private readonly access: OpenAccess,
    private readonly shown: ShownInTime,
  ) {}

  /** Answers with the item. Reactors carry a narrowing to approval and a revocation to registration. */
  @Post(':id/decisions')
  @Roles('reviewer', 'operator')
  @Commands(itemSchema)
  async decide(@UuidParam() id: string, @Body() body: DecideItem, @CommandContext() request: CommandRequest) {
    const { campaignId, applicationId } = await this.campaigns.item(id);
    const ownerId = await this.access.ownerOf(applicationId);
    const { decision, scopes, reason } = body;
    const answer = await this.commands.send({
      ...newCommand(request, body),
      type: 'decide-item',
      subject: campaignId,
      data: {
        itemId: id,
        decision,
        reason,
        ...(scopes === undefined ? {} : { scopes }),
        ...(ownerId === undefined ? {} : { ownerId }),
      },
    });
    return await this.shown.orAccepted(answer, () =>
      answerCommand(answer, { context: 'review', resource: () => this.campaigns.item(id) }),
    );
  }
}
