import type { Position } from '#contracts';
import {
  Answer,
  answerCommand,
  ApiTags,
  CommandContext,
  type CommandRequest,
  Commands,
  Reads,
  Roles,
  SeenPositions,
} from '#host';
import { Body, Controller, Get, Put } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { Policy } from './policy.dto.js';
import { policySchema } from './policy-schema.js';
import { ReadPolicy } from './read-policy.query.js';
import { viewPolicy } from './set-policy.decider.js';
import { SetPolicy } from './set-policy.handler.js';

/** The approval policy: version 0 is the default, until an operator sets one. */
@Controller('approval/policies')
@ApiTags('approval')
@Roles('operator')
export class PoliciesController {
  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  @Get()
  @Reads(policySchema)
  async read(@SeenPositions() seen: readonly Position[]) {
    const { policy, version } = await this.queries.execute(new ReadPolicy(seen));
    return Answer.ok(viewPolicy(policy, version), { version });
  }

  @Put()
  @Commands(policySchema)
  async set(@Body() policy: Policy, @CommandContext() request: CommandRequest) {
    return answerCommand(await this.commands.execute(new SetPolicy(policy, request)), { context: 'approval' });
  }
}
