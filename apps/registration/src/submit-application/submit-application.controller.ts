import { registration } from '#contracts';
import type { CommandPort } from '#event-log';
import { answerCommand, CommandContext, Commands, InjectCommands, newCommand, Roles, type CommandRequest } from '#host';
import { Body, Controller, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { IsOptional, IsString, MaxLength } from 'class-validator';
import { ApplicationId } from '../application-id.js';
import { presentFields } from '../present-fields.js';
import { ApplicationPresenter } from '../show-applications/application-presenter.js';
import { applicationSchema } from '../show-applications/application.schema.js';

export class Comment {
  @IsOptional()
  @IsString()
  @MaxLength(2000)
  comment?: string;
}

@Controller('registration/applications/:id')
@ApiTags('registration')
export class SubmitApplicationController {
  constructor(
    @InjectCommands(registration) private readonly commands: CommandPort<typeof registration>,
    private readonly presenter: ApplicationPresenter,
  ) {}

  /** Asks for review. */
  @Post('submission')
  @Roles('developer')
  @Commands(applicationSchema)
  submit(@ApplicationId() id: string, @Body() body: Comment, @CommandContext() request: CommandRequest) {
    return this.send('submit-application', id, body, request);
  }

  /** Takes the request for review back. */
  @Post('withdrawal')
  @Roles('developer')
  @Commands(applicationSchema)
  withdraw(@ApplicationId() id: string, @Body() body: Comment, @CommandContext() request: CommandRequest) {
    return this.send('withdraw-application', id, body, request);
  }

  private async send(
    type: 'submit-application' | 'withdraw-application',
    subject: string,
    body: Comment,
    request: CommandRequest,
  ) {
    const data = presentFields({ comment: body.comment ?? undefined });
    const answer = await this.commands.send({ ...newCommand(request, body), type, subject, data });
    return answerCommand(answer, {
      context: 'registration',
      resource: ({ resource }) => this.presenter.present(resource, request.caller),
    });
  }
}
