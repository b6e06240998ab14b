import { bodyDigest, commandId, token } from '#contracts';
import type { CommandAnswer, CommandPort } from '#event-log';
import { correlationId, InjectCommands } from '#host';
import { oauthPaths } from '#smart';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';

/** A client ends one of its own access tokens. */
export class RevokeToken extends Command<CommandAnswer> {
  constructor(
    readonly applicationId: string,
    readonly clientId: string,
    readonly tokenId: string,
    readonly expiresAt: string,
  ) {
    super();
  }
}

@CommandHandler(RevokeToken)
export class RevokeTokenHandler implements ICommandHandler<RevokeToken> {
  constructor(@InjectCommands(token) private readonly commands: CommandPort<typeof token>) {}

  /** The command's id is the token's, so that a retry is the same command. */
  execute({ applicationId, clientId, tokenId, expiresAt }: RevokeToken): Promise<CommandAnswer> {
    const data = { tokenId, expiresAt };
    const actor = `client:${clientId}`;
    return this.commands.send({
      type: 'revoke-token',
      data,
      subject: applicationId,
      actor,
      correlationId: correlationId() ?? 'none',
      id: commandId(actor, 'POST', oauthPaths.revocation, tokenId),
      bodyDigest: bodyDigest(data),
    });
  }
}
