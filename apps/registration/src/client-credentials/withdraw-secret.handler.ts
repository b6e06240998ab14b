import { registration } from '#contracts';
import type { CommandAnswer, CommandPort } from '#event-log';
import { InjectCommands, newCommand, type CommandRequest } from '#host';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';

/** Takes a client secret away before it expires. */
export class WithdrawSecret extends Command<CommandAnswer> {
  constructor(
    readonly subject: string,
    readonly secretId: string,
    readonly request: CommandRequest,
  ) {
    super();
  }
}

@CommandHandler(WithdrawSecret)
export class WithdrawSecretHandler implements ICommandHandler<WithdrawSecret> {
  constructor(@InjectCommands(registration) private readonly commands: CommandPort<typeof registration>) {}

  execute({ subject, secretId, request }: WithdrawSecret): Promise<CommandAnswer> {
    return this.commands.send({ ...newCommand(request, {}), type: 'withdraw-secret', subject, data: { secretId } });
  }
}
