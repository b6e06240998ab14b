import { registration } from '#contracts';
import type { CommandPort } from '#event-log';
import { answerCommand, CommandContext, Commands, InjectCommands, newCommand, Roles, type CommandRequest } from '#host';
import { Body, Controller, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { IsString, MaxLength, MinLength } from 'class-validator';
import { ApplicationId } from '../application-id.js';
import { receiptSchema } from './receipt.schema.js';
import { Receipts } from './receipts.js';

/** How long a caller waits for a closure to be in force everywhere (api.md, REST conventions). */
const ANSWER_WITHIN_MS = 25_000;

export class Because {
  @IsString()
  @MinLength(1)
  @MaxLength(2000)
  reason: string;
}

@Controller('registration/applications/:id')
@ApiTags('registration')
@Roles('operator', 'reviewer')
export class CloseAccessController {
  constructor(
    @InjectCommands(registration) private readonly commands: CommandPort<typeof registration>,
    private readonly receipts: Receipts,
  ) {}

  /** Closes access until reinstated; tokens issued before stay dead. */
  @Post('suspension')
  @Commands(receiptSchema)
  suspend(@ApplicationId() id: string, @Body() body: Because, @CommandContext() request: CommandRequest) {
    return this.decide('suspend-application', id, body, request);
  }

  /** Opens suspended access again, to new tokens. */
  @Post('reinstatement')
  @Commands(receiptSchema)
  reinstate(@ApplicationId() id: string, @Body() body: Because, @CommandContext() request: CommandRequest) {
    return this.decide('reinstate-application', id, body, request);
  }

  /** Closes access for ever. Revoking the revoked changes nothing and gives a new receipt. */
  @Post('revocation')
  @Commands(receiptSchema)
  revoke(@ApplicationId() id: string, @Body() body: Because, @CommandContext() request: CommandRequest) {
    return this.decide('revoke-application', id, body, request);
  }

  private async decide(
    type: 'suspend-application' | 'reinstate-application' | 'revoke-application',
    subject: string,
    body: Because,
    request: CommandRequest,
  ) {
    const until = performance.now() + ANSWER_WITHIN_MS;
    const command = { ...newCommand(request, body), type, subject, data: { reason: body.reason } };
    const answer = await this.commands.send(command, { waitMs: ANSWER_WITHIN_MS });
    return answer.status === 'succeeded'
      ? this.receipts.answer(answer, until - performance.now())
      : answerCommand(answer, { context: 'registration' });
  }
}
