import { ApiTags, CommandContext, type CommandRequest, Commands, MintedId, Roles } from '#host';
import { Body, Controller, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApplicationPresenter } from '../show-applications/application-presenter.js';
import { applicationSchema } from '../show-applications/application.schema.js';
import { Comment } from './submit-application.dto.js';
import { SubmitApplication, WithdrawApplication } from './submit-application.handler.js';

@Controller('registration/applications/:id')
@ApiTags('registration')
@Roles('developer')
export class SubmitApplicationController {
  constructor(
    private readonly commands: CommandBus,
    private readonly presenter: ApplicationPresenter,
  ) {}

  /** Asks for review. */
  @Post('submission')
  @Commands(applicationSchema)
  async submit(@MintedId() id: string, @Body() body: Comment, @CommandContext() request: CommandRequest) {
    const answer = await this.commands.execute(new SubmitApplication(id, body, request));
    return this.presenter.answer(answer, request.caller);
  }

  /** Takes the request for review back. */
  @Post('withdrawal')
  @Commands(applicationSchema)
  async withdraw(@MintedId() id: string, @Body() body: Comment, @CommandContext() request: CommandRequest) {
    const answer = await this.commands.execute(new WithdrawApplication(id, body, request));
    return this.presenter.answer(answer, request.caller);
  }
}
