import {
  answerCommand,
  ApiTags,
  CommandContext,
  type CommandRequest,
  Commands,
  EmptyBody,
  MintedId,
  Roles,
  type Succeeded,
} from '#host';
import { Controller, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { unconfirmedOf } from './confirmation-code.js';
import { IssueSecret } from './issue-secret.handler.js';

const secretSchema = {
  type: 'object' as const,
  required: ['id', 'expiresAt'],
  properties: {
    id: { type: 'string' as const },
    secret: { type: 'string' as const, description: 'Shown once: a retry answers without it.' },
    expiresAt: { type: 'string' as const, format: 'date-time' },
    confirmBy: {
      type: 'string' as const,
      format: 'date-time',
      description: 'Present where the secret is worth nothing until it is confirmed, by then.',
    },
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
      resource: (succeeded) => {
        // The first try's secret is not known any more; the resource is what that try left.
        const shown = succeeded.repeated ? lastSecretOf(succeeded) : issued;
        const confirmBy = unconfirmedOf(succeeded.resource).find((it) => it.id === shown.id)?.confirmBy;
        return confirmBy === undefined ? shown : { ...shown, confirmBy };
      },
    });
  }
}

/** The newest secret of an application, in force or waiting. */
function lastSecretOf({ resource }: Succeeded): { readonly id?: string; readonly expiresAt?: string | undefined } {
  if (typeof resource !== 'object' || resource === null || !('secrets' in resource)) return {};
  const waiting = unconfirmedOf(resource).findLast(({ credential }) => credential === 'secret');
  if (waiting) return { id: waiting.id, expiresAt: waiting.expiresAt };
  return Array.isArray(resource.secrets) ? (resource.secrets.at(-1) as { readonly id: string }) : {};
}
