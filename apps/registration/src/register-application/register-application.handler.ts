import { mintId, mintIdBeside, partitionOfCreation, registration } from '#contracts';
import type { CommandAnswer, CommandPort } from '#event-log';
import { InjectCommands, newCommand, type CommandRequest, SealedForCommands, readPublicKeys } from '#host';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { onlyTrue, presentFields } from '../present-fields.js';
import type { NewApplication } from './register-application.dto.js';

/** Registers an application of the caller's. */
export class RegisterApplication extends Command<CommandAnswer> {
  constructor(
    readonly body: NewApplication,
    readonly request: CommandRequest,
  ) {
    super();
  }
}

@CommandHandler(RegisterApplication)
export class RegisterApplicationHandler implements ICommandHandler<RegisterApplication> {
  constructor(
    @InjectCommands(registration) private readonly commands: CommandPort<typeof registration>,
    private readonly sealed: SealedForCommands,
  ) {}

  /** The ids are minted anew for a retry, which its partition's writer answers with the first try's. */
  async execute({ body, request }: RegisterApplication): Promise<CommandAnswer> {
    const { caller } = request;
    const keys = await readPublicKeys(body.jwks?.keys ?? [], (index) => `/jwks/keys/${index}`);
    const id = mintId(partitionOfCreation(caller.id, request.idempotencyKey));
    return this.sealed.send(caller.id, body.contacts ?? undefined, (contacts) =>
      this.commands.send({
        ...newCommand(request, body),
        type: 'register-application',
        subject: id,
        data: {
          clientId: mintIdBeside(id),
          ownerId: caller.id,
          reviewed: presentFields({
            name: body.name,
            kind: body.kind,
            clientType: body.clientType,
            scopes: body.scopes,
            purposesOfUse: body.purposesOfUse.map(({ code, justification }) => ({ code, justification })),
            redirectUris: body.redirectUris ?? [],
            launchUri: body.launchUri ?? undefined,
            allowedOrigins: body.allowedOrigins ?? [],
            jwksUri: body.jwksUri ?? undefined,
            privacyPolicyUri: body.privacyPolicyUri ?? undefined,
            termsUri: body.termsUri ?? undefined,
            logoUri: body.logoUri ?? undefined,
            requirePushedAuthorizationRequests: onlyTrue(body.requirePushedAuthorizationRequests),
            dpopBoundAccessTokens: onlyTrue(body.dpopBoundAccessTokens),
          }),
          other: presentFields({
            description: body.description ?? '',
            contacts,
            attestations: body.attestations ?? [],
            documents: body.documents ?? [],
          }),
          keys,
          submit: body.submit ?? false,
        },
      }),
    );
  }
}
