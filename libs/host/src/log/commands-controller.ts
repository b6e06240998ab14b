import { Controller, Get, Param, type Type } from '@nestjs/common';
import { ApiTags } from '../docs/described.js';
import type { ContextContract } from '#contracts';
import type { CommandPort } from '#event-log';
import { Answer } from '../answer/answer.js';
import { Reads } from '../answer/answers-documented.js';
import { CurrentCaller, type Caller } from '../identity/caller.js';
import { Roles } from '../identity/route-access.js';
import { notFound, unavailable } from '../problem/problem-exception.js';
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

/**
 * `GET /<context>/commands/{id}`: what became of a 202, for who sent the command; asked of any instance, for 24 hours.
 * The id is the one that the 202 gave: the command's digest and its place in the log.
 */
export function commandsController(contract: ContextContract): Type<object> {
  @Controller(`${contract.context}/commands`)
  @ApiTags(contract.context)
  class CommandsController {
    constructor(@InjectCommands(contract) private readonly commands: CommandPort<ContextContract>) {}

    @Get(':id')
    @Roles('developer', 'reviewer', 'operator')
    @Reads(commandResource)
    async read(@Param('id') id: string, @CurrentCaller() caller: Caller): Promise<Answer<CommandResource>> {
      const answer = await this.lookup(id, caller);
      if (answer === undefined) throw notFound();
      const { status } = answer;
      const became = { id, status, ...(status === 'refused' ? { refusal: answer.refusal } : {}) };
      // It changes once: when it is decided.
      return Answer.ok(became, { version: status === 'pending' ? 0 : 1 });
    }

    private async lookup(id: string, caller: Caller) {
      try {
        return await this.commands.lookup(id, caller.id);
      } catch (error) {
        throw unavailable('The log cannot be asked what became of it.', 2, error);
      }
    }
  }
  return CommandsController;
}
