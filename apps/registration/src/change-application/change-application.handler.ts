import { registration } from '#contracts';
import type { CommandAnswer, CommandPort } from '#event-log';
import { InjectCommands, newCommand, RequestedCommand, SealedForCommands } from '#host';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { onlyTrue, presentFields } from '../present-fields.js';
import type { ApplicationChange } from './change-application.dto.js';

/** Changes metadata. What was reviewed goes to review again, and the old stays in force until then. */
export class ChangeApplication extends RequestedCommand<ApplicationChange> {}

@CommandHandler(ChangeApplication)
export class ChangeApplicationHandler implements ICommandHandler<ChangeApplication> {
  constructor(
    @InjectCommands(registration) private readonly commands: CommandPort<typeof registration>,
    private readonly sealed: SealedForCommands,
  ) {}

  async execute({ subject, body, request }: ChangeApplication): Promise<CommandAnswer> {
    const { contacts, description, attestations, documents, ...declared } = body;
    const reviewed = {
      ...withoutNull(declared),
      requirePushedAuthorizationRequests: onlyTrue(declared.requirePushedAuthorizationRequests),
      dpopBoundAccessTokens: onlyTrue(declared.dpopBoundAccessTokens),
    };
    return this.sealed.send(request.caller.id, contacts ?? undefined, (reference) =>
      this.commands.send({
        ...newCommand(request, body),
        type: 'change-application',
        subject,
        data: {
          reviewed: presentFields(reviewed),
          other: presentFields(withoutNull({ contacts: reference, description, attestations, documents })),
          // A flag that is false is one that is not there.
          removed: Object.entries(body).flatMap(([name, value]) => (value === null || value === false ? [name] : [])),
        },
      }),
    );
  }
}

/** `null` passes the rules of an optional field; here it means that the field goes. */
function withoutNull<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)) as T;
}
