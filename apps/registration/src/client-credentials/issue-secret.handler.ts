import { createHash, randomBytes } from 'node:crypto';
import { mintIdBeside, registration } from '#contracts';
import type { CommandAnswer, CommandPort } from '#event-log';
import { InjectCommands, newCommand, RequestedCommand, SealedForCommands } from '#host';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { awaitsConfirmation, newConfirmationCode } from './confirmation-code.js';

const SECRET_BYTES = 32;
const SECRET_LIFE_MS = 365 * 24 * 3_600_000;

/** A client secret as it is shown, once; a retry is answered without the secret, which is not known any more. */
export interface IssuedSecret {
  readonly id: string;
  readonly secret: string;
  readonly expiresAt: string;
}

/** Makes a client secret of 256 bits; its hash alone reaches the log. */
export class IssueSecret extends RequestedCommand<
  Record<string, never>,
  { readonly answer: CommandAnswer; readonly issued: IssuedSecret }
> {}

@CommandHandler(IssueSecret)
export class IssueSecretHandler implements ICommandHandler<IssueSecret> {
  constructor(
    @InjectCommands(registration) private readonly commands: CommandPort<typeof registration>,
    private readonly sealed: SealedForCommands,
  ) {}

  async execute({ subject, body, request }: IssueSecret) {
    const secret = randomBytes(SECRET_BYTES).toString('base64url');
    const kept = { id: mintIdBeside(subject), expiresAt: new Date(Date.now() + SECRET_LIFE_MS).toISOString() };
    const sha256 = createHash('sha256').update(secret).digest('hex');
    const { code, codeSha256 } = newConfirmationCode();
    const answer = await this.sealed.send(
      request.caller.id,
      code,
      (reference) =>
        this.commands.send({
          ...newCommand(request, body),
          type: 'issue-secret',
          subject,
          data: {
            secret: { ...kept, sha256 },
            ...(reference !== undefined && { proposal: { id: kept.id, codeSha256, sealedCode: reference } }),
          },
        }),
      (application) => awaitsConfirmation(application, kept.id),
    );
    return { answer, issued: { ...kept, secret } };
  }
}
