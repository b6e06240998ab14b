import type { CommandAnswer } from '#event-log';
import { Command } from '@nestjs/cqrs';
import type { CommandRequest } from '../request/command-headers.js';

/**
 * What a request asks to be decided (ADR 0010): about which resource, with what, and by whom. A controller gives it to
 * the `CommandBus`; its one handler makes the log's command of it and sends that.
 */
export abstract class RequestedCommand<Body = Record<string, never>, Result = CommandAnswer> extends Command<Result> {
  constructor(
    readonly subject: string,
    readonly body: Body,
    readonly request: CommandRequest,
  ) {
    super();
  }
}
