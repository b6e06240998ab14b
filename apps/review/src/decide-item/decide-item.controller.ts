import { answerCommand, ApiTags, CommandContext, type CommandRequest, Commands, Roles, UuidParam } from '#host';
import { Body, Controller, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { itemSchema } from '../see-campaigns/campaign-dto.js';
import { Campaigns } from '../see-campaigns/campaigns.js';
import { ShownInTime } from '../see-campaigns/shown-in-time.js';
import { ItemDecision } from './decide-item.dto.js';
import { DecideItem } from './decide-item.handler.js';

@Controller('review/items')
@ApiTags('review')
export class DecideItemController {
  constructor(
    private readonly commands: CommandBus,
    private readonly campaigns: Campaigns,
    private readonly shown: ShownInTime,
  ) {}

  /** A reviewer keeps, narrows or revokes an access. Answers with the item. */
  @Post(':id/decisions')
  @Roles('reviewer', 'operator')
  @Commands(itemSchema)
  async decide(@UuidParam() id: string, @Body() body: ItemDecision, @CommandContext() request: CommandRequest) {
    const answer = await this.commands.execute(new DecideItem(id, body, request));
    return this.shown.orAccepted(answer, () =>
      answerCommand(answer, { context: 'review', resource: () => this.campaigns.item(id) }),
    );
  }
}
