import { registration } from '#contracts';
import type { CommandAnswer, CommandPort } from '#event-log';
import { InjectCommands, newCommand, RequestedCommand, type CommandRequest } from '#host';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { Because } from './close-access.dto.js';

/** How long a caller waits for a closure to be in force everywhere (api.md, REST conventions), in milliseconds. */
export const ANSWER_WITHIN_MS = 25_000;

/** Suspends, reinstates or revokes an application. */
export class CloseAccess extends RequestedCommand<Because> {
  constructor(
    readonly type: 'suspend-application' | 'reinstate-application' | 'revoke-application',
    subject: string,
    body: Because,
    request: CommandRequest,
  ) {
    super(subject, body, request);
  }
}

@CommandHandler(CloseAccess)
export class CloseAccessHandler implements ICommandHandler<CloseAccess> {
  constructor(@InjectCommands(registration) private readonly commands: CommandPort<typeof registration>) {}

  execute({ type, subject, body, request }: CloseAccess): Promise<CommandAnswer> {
    const command = { ...newCommand(request, body), type, subject, data: { reason: body.reason } };
    return this.commands.send(command, { waitMs: ANSWER_WITHIN_MS });
  }
}
