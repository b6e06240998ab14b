import { registration } from '#contracts';
import type { CommandPort } from '#event-log';
import {
  answerCommand,
  CommandContext,
  Commands,
  InjectCommands,
  newCommand,
  refused,
  Roles,
  VAULT,
  type CommandRequest,
} from '#host';
import type { Vault } from '#vault';
import { Body, Controller, Inject, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { IsUUID } from 'class-validator';
import { ApplicationId } from '../application-id.js';
import { ApplicationPresenter } from '../show-applications/application-presenter.js';
import { applicationSchema } from '../show-applications/application.schema.js';

export class TransferOwnership {
  /** The `ownerId` of the new owner, as an application of theirs shows it. */
  @IsUUID()
  ownerId: string;
}

@Controller('registration/applications/:id/ownership-transfer')
@ApiTags('registration')
export class TransferOwnershipController {
  constructor(
    @InjectCommands(registration) private readonly commands: CommandPort<typeof registration>,
    @Inject(VAULT) private readonly vault: Vault,
    private readonly presenter: ApplicationPresenter,
  ) {}

  /** Gives the application to another person, who must have signed in before. */
  @Post()
  @Roles('developer')
  @Commands(applicationSchema)
  async transfer(
    @ApplicationId() id: string,
    @Body() body: TransferOwnership,
    @CommandContext() request: CommandRequest,
  ) {
    const ownerId = body.ownerId.toLowerCase();
    if ((await this.vault.lookupSubject(ownerId)) === undefined) {
      throw refused('unknown-owner', 'There is no such person', 'An application would be left without an owner.', [
        { pointer: '/ownerId', detail: 'is nobody who ever signed in here' },
      ]);
    }
    const answer = await this.commands.send({
      ...newCommand(request, body),
      type: 'transfer-ownership',
      subject: id,
      data: { ownerId },
    });
    return answerCommand(answer, {
      context: 'registration',
      resource: ({ resource }) => this.presenter.present(resource, request.caller),
    });
  }
}
