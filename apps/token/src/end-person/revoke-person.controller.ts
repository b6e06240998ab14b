import {
  ApiOkResponse,
  ApiTags,
  type Caller,
  CurrentCaller,
  notFound,
  Problems,
  Reason,
  Roles,
  UuidParam,
  VAULT,
} from '#host';
import type { Vault } from '#vault';
import { Body, Controller, HttpCode, Inject, Post } from '@nestjs/common';
import { certainly } from './certainly.js';
import { personEndedSchema } from './person-ended.schema.js';
import { PersonEnds, type PersonEnded } from './person-ends.js';

class PersonRevocation {
  @Reason()
  reason: string;
}

/** An operator ends what a person has here. */
@Controller('oauth/users/:id')
@ApiTags('token')
export class RevokePersonController {
  constructor(
    private readonly ends: PersonEnds,
    @Inject(VAULT) private readonly vault: Vault,
  ) {}

  /**
   * Ends the person's sessions, grants and tokens, at once and everywhere, and answers with the receipts. The id is the one
   * that stands for them in records. Whoever may still sign in at the provider may begin anew. 503: not certain to be in
   * force everywhere yet; ask again.
   */
  @Post('revocation')
  @HttpCode(200)
  @Roles('operator')
  @ApiOkResponse({ schema: personEndedSchema })
  @Problems(400, 401, 403, 404, 413, 415, 500, 503)
  async revoke(
    @UuidParam() id: string,
    @Body() { reason }: PersonRevocation,
    @CurrentCaller() caller: Caller,
  ): Promise<PersonEnded> {
    if ((await this.vault.lookupSubject(id)) === undefined) throw notFound();
    return certainly(this.ends.everything(id, { cause: 'user-revoked', actor: caller.id, reason }));
  }
}
