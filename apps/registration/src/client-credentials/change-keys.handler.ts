import { mintIdBeside, registration } from '#contracts';
import type { CommandAnswer, CommandPort } from '#event-log';
import { InjectCommands, malformed, newCommand, RequestedCommand, SealedForCommands, readPublicKeys } from '#host';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { KeyChange } from './change-keys.dto.js';
import { awaitsConfirmation, newConfirmationCode } from './confirmation-code.js';

/** Adds a key, removes one, or both at once. */
export class ChangeKeys extends RequestedCommand<KeyChange> {}

@CommandHandler(ChangeKeys)
export class ChangeKeysHandler implements ICommandHandler<ChangeKeys> {
  constructor(
    @InjectCommands(registration) private readonly commands: CommandPort<typeof registration>,
    private readonly sealed: SealedForCommands,
  ) {}

  async execute({ subject, body, request }: ChangeKeys): Promise<CommandAnswer> {
    const { add, remove } = body;
    if (!add && !remove)
      throw malformed('Say which key to add, which to remove, or both.', [
        { pointer: '', detail: 'must have add, remove, or both' },
      ]);
    const [added] = add ? await readPublicKeys([add], () => '/add') : [];
    const id = mintIdBeside(subject);
    const { code, codeSha256 } = newConfirmationCode();
    return this.sealed.send(
      request.caller.id,
      added && code,
      (reference) =>
        this.commands.send({
          ...newCommand(request, body),
          type: 'change-keys',
          subject,
          data: {
            ...(added && { add: added }),
            ...(remove && { remove: { kid: remove.kid, compromised: remove.compromised } }),
            ...(reference !== undefined && { proposal: { id, codeSha256, sealedCode: reference } }),
          },
        }),
      (application) => awaitsConfirmation(application, id),
    );
  }
}
