import { registration } from '#contracts';
import type { CommandAnswer, CommandPort } from '#event-log';
import { InjectCommands, malformed, newCommand, RequestedCommand } from '#host';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { KeyChange } from './change-keys.dto.js';
import { readPublicKeys } from './public-key.js';

/** Adds a key, removes one, or both at once. */
export class ChangeKeys extends RequestedCommand<KeyChange> {}

@CommandHandler(ChangeKeys)
export class ChangeKeysHandler implements ICommandHandler<ChangeKeys> {
  constructor(@InjectCommands(registration) private readonly commands: CommandPort<typeof registration>) {}

  async execute({ subject, body, request }: ChangeKeys): Promise<CommandAnswer> {
    const { add, remove } = body;
    if (!add && !remove) throw malformed('Say which key to add, which to remove, or both.');
    const [added] = add ? await readPublicKeys([add], () => '/add') : [];
    return this.commands.send({
      ...newCommand(request, body),
      type: 'change-keys',
      subject,
      data: {
        ...(added && { add: added }),
        ...(remove && { remove: { kid: remove.kid, compromised: remove.compromised } }),
      },
    });
  }
}
