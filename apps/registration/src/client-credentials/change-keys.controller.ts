import { Answer, ApiTags, CommandContext, type CommandRequest, Commands, MintedId, Roles } from '#host';
import { Body, Controller, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ANSWER_WITHIN_MS } from '../close-access/close-access.handler.js';
import { receiptSchema } from '../close-access/receipt.schema.js';
import { Receipts } from '../close-access/receipts.js';
import { ApplicationPresenter } from '../show-applications/application-presenter.js';
import { applicationSchema } from '../show-applications/application.schema.js';
import { KeyChange } from './change-keys.dto.js';
import { ChangeKeys } from './change-keys.handler.js';

/** Beside the application the receipt, where a key was removed as compromised. */
const changedKeysSchema = {
  ...applicationSchema,
  properties: { ...applicationSchema.properties, receipt: receiptSchema },
};

@Controller('registration/applications/:id/keys')
@ApiTags('registration')
export class ChangeKeysController {
  constructor(
    private readonly commands: CommandBus,
    private readonly presenter: ApplicationPresenter,
    private readonly receipts: Receipts,
  ) {}

  /**
   * Adds a key, removes one, or both at once. A compromised key kills the tokens that it earned: the answer comes when they
   * count nowhere any more, with the receipt.
   */
  @Post()
  @Roles('developer')
  @Commands(changedKeysSchema)
  async change(@MintedId() id: string, @Body() body: KeyChange, @CommandContext() request: CommandRequest) {
    const until = performance.now() + ANSWER_WITHIN_MS;
    const answer = await this.commands.execute(new ChangeKeys(id, body, request));
    if (answer.status !== 'succeeded' || body.remove?.compromised !== true)
      return this.presenter.answer(answer, request.caller);
    const receipt = await this.receipts.within(answer, until - performance.now());
    if (receipt === undefined) return Answer.accepted('registration', answer.commandId);
    return this.presenter.answer(answer, request.caller, { receipt });
  }
}
