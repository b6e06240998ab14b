import { ApiTags, CommandContext, type CommandRequest, Commands, EmptyBody, MintedId, Roles } from '#host';
import { Controller, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApplicationPresenter } from '../show-applications/application-presenter.js';
import { applicationSchema } from '../show-applications/application.schema.js';
import { WithdrawSecret } from './withdraw-secret.handler.js';

@Controller('registration/applications/:id/secrets/:secretId/withdrawal')
@ApiTags('registration')
export class WithdrawSecretController {
  constructor(
    private readonly commands: CommandBus,
    private readonly presenter: ApplicationPresenter,
  ) {}

  /** Takes a client secret away before it expires: at once, for every new token. Repeating it changes nothing. */
  @Post()
  @Roles('developer')
  @Commands(applicationSchema)
  async withdraw(
    @MintedId() id: string,
    @MintedId('secretId') secretId: string,
    @EmptyBody() _body: Record<string, never>,
    @CommandContext() request: CommandRequest,
  ) {
    const answer = await this.commands.execute(new WithdrawSecret(id, secretId, request));
    return this.presenter.answer(answer, request.caller);
  }
}
