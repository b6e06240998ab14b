import { POLICY_ID, approval, type ApprovalPolicy, type Position } from '#contracts';
import type { CommandPort } from '#event-log';
import {
  Answer,
  CommandContext,
  Commands,
  Database,
  InjectCommands,
  InjectProjection,
  Reads,
  Roles,
  SeenPositions,
  answerCommand,
  newCommand,
  type CommandRequest,
  type ProjectionReadiness,
} from '#host';
import { Body, Controller, Get, Put } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { reviewsProjection } from '../see-reviews/reviews.projection.js';
import { Policy } from './policy.dto.js';
import { defaultPolicy, viewPolicy } from './set-policy.decider.js';

/** The approval policy: version 0 is the default, until an operator sets one. */
@Controller('approval/policies')
@ApiTags('approval')
export class PoliciesController {
  constructor(
    private readonly database: Database,
    @InjectCommands(approval) private readonly commands: CommandPort<typeof approval>,
    @InjectProjection(reviewsProjection) private readonly projection: ProjectionReadiness,
  ) {}

  @Get()
  @Roles('operator')
  @Reads(Policy)
  async read(@SeenPositions() seen: readonly Position[]) {
    await this.projection.reached(seen);
    const [row] = await this.database.query<{ policy: ApprovalPolicy; version: number }>(
      'SELECT policy, version FROM projection.approval_policies ORDER BY version DESC LIMIT 1',
    );
    const { policy, version } = row ?? { policy: defaultPolicy, version: 0 };
    return Answer.ok(viewPolicy(policy, version), { version });
  }

  @Put()
  @Roles('operator')
  @Commands(Policy)
  async set(@Body() policy: Policy, @CommandContext() request: CommandRequest) {
    const answer = await this.commands.send({
      ...newCommand(request, policy),
      type: 'set-policy',
      subject: POLICY_ID,
      data: { policy },
    });
    return answerCommand(answer, { context: 'approval' });
  }
}
