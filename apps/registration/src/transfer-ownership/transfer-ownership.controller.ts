import { ApiTags, CommandContext, type CommandRequest, Commands, MintedId, Roles } from '#host';
import { Body, Controller, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApplicationPresenter } from '../show-applications/application-presenter.js';
import { applicationSchema } from '../show-applications/application.schema.js';
import { NewOwner } from './transfer-ownership.dto.js';
import { TransferOwnership } from './transfer-ownership.handler.js';

@Controller('registration/applications/:id/ownership-transfer')
@ApiTags('registration')
export class TransferOwnershipController {
  constructor(
    private readonly commands: CommandBus,
    private readonly presenter: ApplicationPresenter,
  ) {}

  /** Gives the application to another person, who must have signed in before. */
  @Post()
  @Roles('developer')
  @Commands(applicationSchema)
  async transfer(@MintedId() id: string, @Body() body: NewOwner, @CommandContext() request: CommandRequest) {
    const answer = await this.commands.execute(new TransferOwnership(id, body, request));
    return this.presenter.answer(answer, request.caller);
  }
}
