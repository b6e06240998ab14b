import { registration } from '#contracts';
import type { CommandAnswer, CommandPort } from '#event-log';
import { InjectCommands, newCommand, refused, RequestedCommand, VAULT } from '#host';
import type { Vault } from '#vault';
import { Inject } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { NewOwner } from './transfer-ownership.dto.js';

/** Gives the application to another person, who must have signed in before. */
export class TransferOwnership extends RequestedCommand<NewOwner> {}

@CommandHandler(TransferOwnership)
export class TransferOwnershipHandler implements ICommandHandler<TransferOwnership> {
  constructor(
    @InjectCommands(registration) private readonly commands: CommandPort<typeof registration>,
    @Inject(VAULT) private readonly vault: Vault,
  ) {}

  async execute({ subject, body, request }: TransferOwnership): Promise<CommandAnswer> {
    const ownerId = body.ownerId.toLowerCase();
    if ((await this.vault.lookupSubject(ownerId)) === undefined) {
      throw refused('unknown-owner', 'There is no such person', 'An application would be left without an owner.', [
        { pointer: '/ownerId', detail: 'is nobody who ever signed in here' },
      ]);
    }
    return this.commands.send({ ...newCommand(request, body), type: 'transfer-ownership', subject, data: { ownerId } });
  }
}
