import { mintId, mintIdBeside, partitionOfCreation, registration } from '#contracts';
import type { CommandPort } from '#event-log';
import {
  answerCommand,
  CommandContext,
  Creates,
  InjectCommands,
  newCommand,
  Roles,
  VAULT,
  type CommandRequest,
} from '#host';
import type { Vault } from '#vault';
import { Body, Controller, Inject, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { readPublicKeys } from '../client-credentials/public-key.js';
import { presentFields } from '../present-fields.js';
import { applicationSchema } from '../show-applications/application.schema.js';
import { ApplicationPresenter } from '../show-applications/application-presenter.js';
import { RegisterApplication } from './register-application.dto.js';

@Controller('registration/applications')
@ApiTags('registration')
export class RegisterApplicationController {
  constructor(
    @InjectCommands(registration) private readonly commands: CommandPort<typeof registration>,
    @Inject(VAULT) private readonly vault: Vault,
    private readonly presenter: ApplicationPresenter,
  ) {}

  /**
   * Registers an application of the caller's. The ids are minted anew for a retry, which its partition's writer answers
   * with the first try's.
   */
  @Post()
  @Roles('developer')
  @Creates(applicationSchema)
  async register(@Body() body: RegisterApplication, @CommandContext() request: CommandRequest) {
    const { caller } = request;
    const keys = await readPublicKeys(body.jwks?.keys ?? [], (index) => `/jwks/keys/${index}`);
    const contacts = body.contacts && (await this.vault.seal(caller.id, body.contacts));
    const id = mintId(partitionOfCreation(caller.id, request.idempotencyKey));
    const answer = await this.commands.send({
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
        }),
        other: presentFields({
          description: body.description ?? '',
          contacts: contacts ?? undefined,
          attestations: body.attestations ?? [],
          documents: body.documents ?? [],
        }),
        keys,
        submit: body.submit ?? false,
      },
    });
    return answerCommand(answer, {
      context: 'registration',
      created: ({ subject }) => `/registration/applications/${subject}`,
      resource: ({ resource }) => this.presenter.present(resource, caller),
    });
  }
}
