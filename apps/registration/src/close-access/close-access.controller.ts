import { answerCommand, ApiTags, CommandContext, type CommandRequest, Commands, MintedId, Roles } from '#host';
import { Body, Controller, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { Because } from './close-access.dto.js';
import { ANSWER_WITHIN_MS, CloseAccess } from './close-access.handler.js';
import { receiptSchema } from './receipt.schema.js';
import { Receipts } from './receipts.js';

@Controller('registration/applications/:id')
@ApiTags('registration')
@Roles('operator', 'reviewer')
export class CloseAccessController {
  constructor(
    private readonly commands: CommandBus,
    private readonly receipts: Receipts,
  ) {}

  /** Closes access until reinstated; tokens issued before stay dead. */
  @Post('suspension')
  @Commands(receiptSchema)
  suspend(@MintedId() id: string, @Body() body: Because, @CommandContext() request: CommandRequest) {
    return this.close(new CloseAccess('suspend-application', id, body, request));
  }

  /** Opens suspended access again, to new tokens. */
  @Post('reinstatement')
  @Commands(receiptSchema)
  reinstate(@MintedId() id: string, @Body() body: Because, @CommandContext() request: CommandRequest) {
    return this.close(new CloseAccess('reinstate-application', id, body, request));
  }

  /** Closes access for ever. Revoking the revoked changes nothing and gives a new receipt. */
  @Post('revocation')
  @Commands(receiptSchema)
  revoke(@MintedId() id: string, @Body() body: Because, @CommandContext() request: CommandRequest) {
    return this.close(new CloseAccess('revoke-application', id, body, request));
  }

  private async close(command: CloseAccess) {
    const until = performance.now() + ANSWER_WITHIN_MS;
    const answer = await this.commands.execute(command);
    return answer.status === 'succeeded'
      ? this.receipts.answer(answer, until - performance.now())
      : answerCommand(answer, { context: 'registration' });
  }
}
