import { ApiTags, CommandContext, type CommandRequest, Creates, Roles, type Succeeded } from '#host';
import { Body, Controller, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { applicationSchema } from '../show-applications/application.schema.js';
import { ApplicationPresenter } from '../show-applications/application-presenter.js';
import { NewApplication } from './register-application.dto.js';
import { RegisterApplication } from './register-application.handler.js';

@Controller('registration/applications')
@ApiTags('registration')
export class RegisterApplicationController {
  constructor(
    private readonly commands: CommandBus,
    private readonly presenter: ApplicationPresenter,
  ) {}

  /** Registers an application of the caller's, and submits it for review when asked. */
  @Post()
  @Roles('developer')
  @Creates(applicationSchema)
  async register(@Body() body: NewApplication, @CommandContext() request: CommandRequest) {
    const answer = await this.commands.execute(new RegisterApplication(body, request));
    const created = ({ subject }: Succeeded) => `/registration/applications/${subject}`;
    return this.presenter.answer(answer, request.caller, { created });
  }
}
