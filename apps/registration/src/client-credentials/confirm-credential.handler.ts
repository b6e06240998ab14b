import { registration } from '#contracts';
import type { CommandAnswer, CommandPort } from '#event-log';
import { forbidden, InjectCommands, newCommand, type CommandRequest } from '#host';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { Confirmation } from './confirm-credential.dto.js';
import { digestOfCode } from './confirmation-code.js';

/** Puts a key or a secret in force that waits for its second confirmation. */
export class ConfirmCredential extends Command<CommandAnswer> {
  constructor(
    readonly subject: string,
    readonly credentialId: string,
    readonly body: Confirmation,
    readonly request: CommandRequest,
  ) {
    super();
  }
}

@CommandHandler(ConfirmCredential)
export class ConfirmCredentialHandler implements ICommandHandler<ConfirmCredential> {
  constructor(@InjectCommands(registration) private readonly commands: CommandPort<typeof registration>) {}

  async execute({ subject, credentialId, body, request }: ConfirmCredential): Promise<CommandAnswer> {
    const code = body.code ?? undefined;
    if (code === undefined && !request.caller.roles.includes('operator')) {
      throw forbidden('Send the code that went to the contacts; an operator alone confirms without.');
    }
    return this.commands.send({
      ...newCommand(request, body),
      type: 'confirm-credential',
      subject,
      data: {
        credentialId,
        proof: code === undefined ? { by: 'operator' } : { by: 'code', codeSha256: digestOfCode(code) },
      },
    });
  }
}
