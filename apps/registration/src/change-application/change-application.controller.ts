import { ApiTags, CommandContext, type CommandRequest, Commands, MintedId, Roles } from '#host';
import { Body, Controller, Patch } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApplicationPresenter } from '../show-applications/application-presenter.js';
import { applicationSchema } from '../show-applications/application.schema.js';
import { ApplicationChange } from './change-application.dto.js';
import { ChangeApplication } from './change-application.handler.js';

@Controller('registration/applications')
@ApiTags('registration')
export class ChangeApplicationController {
  constructor(
    private readonly commands: CommandBus,
    private readonly presenter: ApplicationPresenter,
  ) {}

  /** Changes metadata. What was reviewed goes to review again, and the old stays in force until then. */
  @Patch(':id')
  @Roles('developer')
  @Commands(applicationSchema)
  async change(@MintedId() id: string, @Body() body: ApplicationChange, @CommandContext() request: CommandRequest) {
    const answer = await this.commands.execute(new ChangeApplication(id, body, request));
    return this.presenter.answer(answer, request.caller);
  }
}
