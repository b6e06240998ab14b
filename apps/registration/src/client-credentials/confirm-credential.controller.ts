import { ApiTags, CommandContext, type CommandRequest, Commands, MintedId, refused, Roles } from '#host';
import { Body, Controller, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApplicationPresenter } from '../show-applications/application-presenter.js';
import { applicationSchema } from '../show-applications/application.schema.js';
import { Confirmation } from './confirm-credential.dto.js';
import { ConfirmCredential } from './confirm-credential.handler.js';
import { unconfirmedOf } from './confirmation-code.js';

@Controller('registration/applications/:id/credentials/:credentialId/confirmation')
@ApiTags('registration')
export class ConfirmCredentialController {
  constructor(
    private readonly commands: CommandBus,
    private readonly presenter: ApplicationPresenter,
  ) {}

  /** Puts a key or a secret in force that waits: by the code that went to the contacts, or, sent as `{}`, by an operator. */
  @Post()
  @Roles('developer', 'operator')
  @Commands(applicationSchema)
  async confirm(
    @MintedId() id: string,
    @MintedId('credentialId') credentialId: string,
    @Body() body: Confirmation,
    @CommandContext() request: CommandRequest,
  ) {
    const answer = await this.commands.execute(new ConfirmCredential(id, credentialId, body, request));
    if (answer.status === 'succeeded') refuseWrongCode(answer.resource, credentialId);
    return this.presenter.answer(answer, request.caller);
  }
}

/** A wrong code is carried out, as it is counted; what it was given for waits on. */
function refuseWrongCode(application: unknown, credentialId: string): void {
  const waiting = unconfirmedOf(application).find(({ id }) => id === credentialId);
  if (waiting === undefined) return;
  const left = waiting.triesLeft > 0 ? `Tries left: ${waiting.triesLeft}.` : 'Add the credential again.';
  throw refused('wrong-code', 'The code is wrong', `It is not the one that was sent. ${left}`, [
    { pointer: '/code', detail: 'is not the code that was sent' },
  ]);
}
