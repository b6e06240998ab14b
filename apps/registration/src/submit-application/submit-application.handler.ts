import { registration } from '#contracts';
import type { CommandAnswer, CommandPort } from '#event-log';
import { InjectCommands, newCommand, RequestedCommand } from '#host';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { presentFields } from '../present-fields.js';
import type { Comment } from './submit-application.dto.js';

/** Asks for review. */
export class SubmitApplication extends RequestedCommand<Comment> {}

@CommandHandler(SubmitApplication)
export class SubmitApplicationHandler implements ICommandHandler<SubmitApplication> {
  constructor(@InjectCommands(registration) private readonly commands: CommandPort<typeof registration>) {}

  execute({ subject, body, request }: SubmitApplication): Promise<CommandAnswer> {
    const data = presentFields({ comment: body.comment ?? undefined });
    return this.commands.send({ ...newCommand(request, body), type: 'submit-application', subject, data });
  }
}

/** Takes the request for review back. */
export class WithdrawApplication extends RequestedCommand<Comment> {}

@CommandHandler(WithdrawApplication)
export class WithdrawApplicationHandler implements ICommandHandler<WithdrawApplication> {
  constructor(@InjectCommands(registration) private readonly commands: CommandPort<typeof registration>) {}

  execute({ subject, body, request }: WithdrawApplication): Promise<CommandAnswer> {
    const data = presentFields({ comment: body.comment ?? undefined });
    return this.commands.send({ ...newCommand(request, body), type: 'withdraw-application', subject, data });
  }
}
