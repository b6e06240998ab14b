import {
  answerCommand,
  CommandContext,
  Commands,
  EmptyBody,
  MintedId,
  Roles,
  type CommandRequest,
  type Succeeded,
} from '#host';
import { Controller, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiTags } from '@nestjs/swagger';
import { IssueSecret } from './issue-secret.handler.js';

const secretSchema = {
  type: 'object' as const,
  required: ['id', 'expiresAt'],
  properties: {
    id: { type: 'string' as const },
    secret: { type: 'string' as const, description: 'Shown once: a retry answers without it.' },
    expiresAt: { type: 'string' as const, format: 'date-time' },
  },
};

@Controller('registration/applications/:id/secrets')
@ApiTags('registration')
export class IssueSecretController {
  constructor(private readonly commands: CommandBus) {}

  /** Makes a client secret of 256 bits and shows it; its hash alone reaches the log. */
  @Post()
  @Roles('developer')
  @Commands(secretSchema)
  async issue(
    @MintedId() id: string,
    @EmptyBody() body: Record<string, never>,
    @CommandContext() request: CommandRequest,
  ) {
    const { answer, issued } = await this.commands.execute(new IssueSecret(id, body, request));
    return answerCommand(answer, {
      context: 'registration',
      // The first try's secret is not known any more; the resource is what that try left.
      resource: (succeeded) => (succeeded.repeated ? lastSecretOf(succeeded) : issued),
    });
  }
}

function lastSecretOf({ resource }: Succeeded): unknown {
  if (typeof resource !== 'object' || resource === null || !('secrets' in resource)) return {};
  return Array.isArray(resource.secrets) ? resource.secrets.at(-1) : {};
}
