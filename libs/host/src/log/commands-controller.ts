import { Controller, Get, Param, type Type } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { ContextContract } from '#contracts';
import type { CommandPort } from '#event-log';
import { Reads } from '../answer/answers-documented.js';
import { Roles } from '../identity/route-access.js';
import { notFound } from '../problem/problem-exception.js';
import { InjectCommands } from './log-providers.js';

/** What became of a command. */
interface CommandResource {
  readonly id: string;
  readonly status: 'pending' | 'succeeded' | 'refused' | 'failed' | 'expired';
  readonly refusal?: unknown;
}

const commandResource = {
  type: 'object',
  required: ['id', 'status'],
  properties: {
    id: { type: 'string' },
    status: { type: 'string', enum: ['pending', 'succeeded', 'refused', 'failed', 'expired'] },
    refusal: { type: 'object' },
  },
};

/** `GET /<context>/commands/{id}`: what became of a 202. The id is a digest of 256 bits that the caller was given. */
export function commandsController(contract: ContextContract): Type<object> {
  @Controller(`${contract.context}/commands`)
  @ApiTags(contract.context)
  class CommandsController {
    constructor(@InjectCommands(contract) private readonly commands: CommandPort<ContextContract>) {}

    @Get(':id')
    @Roles('developer', 'reviewer', 'operator')
    @Reads(commandResource)
    read(@Param('id') id: string): CommandResource {
      const answer = this.commands.lookup(id);
      if (answer === undefined) throw notFound();
      return { id, status: answer.status, ...(answer.status === 'refused' ? { refusal: answer.refusal } : {}) };
    }
  }
  return CommandsController;
}
