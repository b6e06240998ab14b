import { registration } from '#contracts';
import type { CommandPort } from '#event-log';
import {
  answerCommand,
  CommandContext,
  Commands,
  InjectCommands,
  newCommand,
  Roles,
  VAULT,
  type CommandRequest,
} from '#host';
import type { Vault } from '#vault';
import { Body, Controller, Inject, Patch } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { ApplicationId } from '../application-id.js';
import { presentFields } from '../present-fields.js';
import { ApplicationPresenter } from '../show-applications/application-presenter.js';
import { applicationSchema } from '../show-applications/application.schema.js';
import { ChangeApplication } from './change-application.dto.js';

@Controller('registration/applications')
@ApiTags('registration')
export class ChangeApplicationController {
  constructor(
    @InjectCommands(registration) private readonly commands: CommandPort<typeof registration>,
    @Inject(VAULT) private readonly vault: Vault,
    private readonly presenter: ApplicationPresenter,
  ) {}

  /** Changes metadata. What was reviewed goes to review again, and the old stays in force until then. */
  @Patch(':id')
  @Roles('developer')
  @Commands(applicationSchema)
  async change(
    @ApplicationId() id: string,
    @Body() body: ChangeApplication,
    @CommandContext() request: CommandRequest,
  ) {
    const { contacts, description, attestations, documents, ...reviewed } = body;
    const sealed = contacts && (await this.vault.seal(request.caller.id, contacts));
    const answer = await this.commands.send({
      ...newCommand(request, body),
      type: 'change-application',
      subject: id,
      data: {
        reviewed: presentFields(withoutNull(reviewed)),
        other: presentFields(withoutNull({ contacts: sealed ?? undefined, description, attestations, documents })),
        removed: Object.entries(body).flatMap(([name, value]) => (value === null ? [name] : [])),
      },
    });
    return answerCommand(answer, {
      context: 'registration',
      resource: ({ resource }) => this.presenter.present(resource, request.caller),
    });
  }
}

/** `null` passes the rules of an optional field; here it means that the field goes. */
function withoutNull<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)) as T;
}
