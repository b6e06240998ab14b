import { createHash, randomBytes } from 'node:crypto';
import { mintIdBeside, registration } from '#contracts';
import type { CommandPort } from '#event-log';
import {
  answerCommand,
  CommandContext,
  Commands,
  InjectCommands,
  malformed,
  newCommand,
  Roles,
  type CommandRequest,
  type Succeeded,
} from '#host';
import { Body, Controller, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { ApplicationId } from '../application-id.js';

const SECRET_BYTES = 32;
const SECRET_LIFE_MS = 365 * 24 * 3_600_000;

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
  constructor(@InjectCommands(registration) private readonly commands: CommandPort<typeof registration>) {}

  /** Makes a client secret of 256 bits and shows it; its hash alone reaches the log. */
  @Post()
  @Roles('developer')
  @Commands(secretSchema)
  async issue(@ApplicationId() id: string, @Body() body: unknown, @CommandContext() request: CommandRequest) {
    const [unknown] = typeof body === 'object' && body !== null ? Object.keys(body) : [];
    if (unknown !== undefined) {
      throw malformed('Send {}.', [{ pointer: `/${unknown}`, detail: 'is not a field of this resource' }]);
    }
    const secret = randomBytes(SECRET_BYTES).toString('base64url');
    const issued = {
      id: mintIdBeside(id),
      expiresAt: new Date(Date.now() + SECRET_LIFE_MS).toISOString(),
    };
    const sha256 = createHash('sha256').update(secret).digest('hex');
    const answer = await this.commands.send({
      ...newCommand(request, body),
      type: 'issue-secret',
      subject: id,
      data: { secret: { ...issued, sha256 } },
    });
    return answerCommand(answer, {
      context: 'registration',
      // The first try's secret is not known any more; the resource is what that try left.
      resource: (succeeded) => (succeeded.repeated ? lastSecretOf(succeeded) : { ...issued, secret }),
    });
  }
}

function lastSecretOf({ resource }: Succeeded): unknown {
  if (typeof resource !== 'object' || resource === null || !('secrets' in resource)) return {};
  return Array.isArray(resource.secrets) ? resource.secrets.at(-1) : {};
}
