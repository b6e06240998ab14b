import { approval, POLICY_ID } from '#contracts';
import type { CommandAnswer, CommandPort } from '#event-log';
import { InjectCommands, newCommand, type CommandRequest } from '#host';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { Policy } from './policy.dto.js';

/** Sets the approval policy, all of it. */
export class SetPolicy extends Command<CommandAnswer> {
  constructor(
    readonly policy: Policy,
    readonly request: CommandRequest,
  ) {
    super();
  }
}

@CommandHandler(SetPolicy)
export class SetPolicyHandler implements ICommandHandler<SetPolicy> {
  constructor(@InjectCommands(approval) private readonly commands: CommandPort<typeof approval>) {}

  execute({ policy, request }: SetPolicy): Promise<CommandAnswer> {
    return this.commands.send({
      ...newCommand(request, policy),
      type: 'set-policy',
      subject: POLICY_ID,
      data: { policy },
    });
  }
}
