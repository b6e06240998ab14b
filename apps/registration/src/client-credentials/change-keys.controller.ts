import { registration } from '#contracts';
import type { CommandPort } from '#event-log';
import {
  answerCommand,
  CommandContext,
  Commands,
  InjectCommands,
  malformed,
  Nested,
  newCommand,
  Roles,
  type CommandRequest,
} from '#host';
import { Body, Controller, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { IsBoolean, IsObject, IsOptional, IsString, MaxLength, MinLength } from 'class-validator';
import { ApplicationId } from '../application-id.js';
import { ApplicationPresenter } from '../show-applications/application-presenter.js';
import { applicationSchema } from '../show-applications/application.schema.js';
import { readPublicKeys } from './public-key.js';

class RemovedKey {
  @IsString()
  @MinLength(1)
  @MaxLength(256)
  kid: string;

  @IsBoolean()
  compromised: boolean;
}

export class ChangeKeys {
  /** A JWK (RFC 7517). */
  @IsOptional()
  @IsObject()
  add?: Record<string, unknown>;

  @IsOptional()
  @Nested(() => RemovedKey)
  remove?: RemovedKey;
}

@Controller('registration/applications/:id/keys')
@ApiTags('registration')
export class ChangeKeysController {
  constructor(
    @InjectCommands(registration) private readonly commands: CommandPort<typeof registration>,
    private readonly presenter: ApplicationPresenter,
  ) {}

  /** Adds a key, removes one, or both at once. A compromised key kills the tokens that it earned. */
  @Post()
  @Roles('developer')
  @Commands(applicationSchema)
  async change(@ApplicationId() id: string, @Body() body: ChangeKeys, @CommandContext() request: CommandRequest) {
    const { add, remove } = body;
    if (!add && !remove) throw malformed('Say which key to add, which to remove, or both.');
    const [added] = add ? await readPublicKeys([add], () => '/add') : [];
    const answer = await this.commands.send({
      ...newCommand(request, body),
      type: 'change-keys',
      subject: id,
      data: {
        ...(added && { add: added }),
        ...(remove && { remove: { kid: remove.kid, compromised: remove.compromised } }),
      },
    });
    return answerCommand(answer, {
      context: 'registration',
      resource: ({ resource }) => this.presenter.present(resource, request.caller),
    });
  }
}
