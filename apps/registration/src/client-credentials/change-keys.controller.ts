import { CommandContext, Commands, MintedId, Roles, type CommandRequest } from '#host';
import { Body, Controller, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiTags } from '@nestjs/swagger';
import { ApplicationPresenter } from '../show-applications/application-presenter.js';
import { applicationSchema } from '../show-applications/application.schema.js';
import { KeyChange } from './change-keys.dto.js';
import { ChangeKeys } from './change-keys.handler.js';

@Controller('registration/applications/:id/keys')
@ApiTags('registration')
export class ChangeKeysController {
  constructor(
    private readonly commands: CommandBus,
    private readonly presenter: ApplicationPresenter,
  ) {}

  /** Adds a key, removes one, or both at once. A compromised key kills the tokens that it earned. */
  @Post()
  @Roles('developer')
  @Commands(applicationSchema)
  async change(@MintedId() id: string, @Body() body: KeyChange, @CommandContext() request: CommandRequest) {
    const answer = await this.commands.execute(new ChangeKeys(id, body, request));
    return this.presenter.answer(answer, request.caller);
  }
}
