import {
  ApiOkResponse,
  ApiResponse,
  ApiTags,
  type Caller,
  CurrentCaller,
  forbidden,
  notFound,
  Problems,
  refused,
  Roles,
  Text,
  unavailable,
  VAULT,
} from '#host';
import type { Vault } from '#vault';
import { Body, Controller, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { IsInt, IsOptional, IsUUID, Max, Min } from 'class-validator';
import { Type, type Static } from 'typebox';
import { NotServing } from '../authenticate-client/admitted-clients.js';
import { OAuthError } from '../answer-oauth/oauth-error.js';
import { ClientRegistrations } from './client-registrations.js';
import { RegistrationTokens, type GivenToken } from './registration-tokens.js';

const daySeconds = 86_400;

class NewInitialAccessToken {
  /** Who will own what is registered; the caller unless an operator says otherwise. */
  @IsOptional()
  @IsUUID()
  ownerId?: string;

  /** How many clients may be registered with it. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(1_000)
  uses?: number;

  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(90)
  days?: number;
}

class Claim {
  /** As the registration's answer had it. */
  @Text(128)
  registrationAccessToken: string;
}

const Given = Type.Object({ token: Type.String(), expiresAt: Type.String({ format: 'date-time' }) });
const Claimed = Type.Object({ applicationId: Type.String(), clientId: Type.String() });

/** Who may let clients register themselves, and take over those that did. */
@Controller('oauth')
@ApiTags('token')
export class InitialAccessTokensController {
  constructor(
    private readonly tokens: RegistrationTokens,
    private readonly registrations: ClientRegistrations,
    @Inject(VAULT) private readonly vault: Vault,
  ) {}

  /**
   * A token with which clients register at `/oauth/register`, for the caller; shown once and kept as a hash, so that a
   * repeated request gives another one (docs/adr/0051).
   */
  @Post('initial-access-tokens')
  @Roles('developer', 'operator')
  @ApiResponse({ status: 201, schema: Given })
  @Problems(400, 401, 403, 413, 415, 422, 500, 503)
  async give(@Body() body: NewInitialAccessToken, @CurrentCaller() caller: Caller): Promise<GivenToken> {
    const ownerId = body.ownerId?.toLowerCase() ?? caller.id;
    if (ownerId !== caller.id) {
      if (!caller.roles.includes('operator')) throw forbidden('Only an operator gives a token for somebody else.');
      if ((await this.vault.lookupSubject(ownerId)) === undefined)
        throw refused(
          'unknown-owner',
          'There is no such person',
          'What is registered would be left without an owner.',
          [{ pointer: '/ownerId', detail: 'is nobody who ever signed in here' }],
        );
    }
    return this.tokens.give(ownerId, caller.id, body.uses ?? 1, (body.days ?? 7) * daySeconds);
  }

  /** Makes a draft that came by open registration the caller's own; whoever registered it hands over its token. */
  @Post('register/:clientId/claim')
  @HttpCode(200)
  @Roles('developer')
  @ApiOkResponse({ schema: Claimed })
  @Problems(400, 401, 403, 404, 413, 415, 500, 503)
  async claim(
    @Param('clientId') clientId: string,
    @Body() { registrationAccessToken }: Claim,
    @CurrentCaller() caller: Caller,
  ): Promise<Static<typeof Claimed>> {
    try {
      const claimed = await this.registrations.claim(clientId, registrationAccessToken, caller.id);
      if (claimed === undefined) throw notFound();
      return { applicationId: claimed.applicationId, clientId };
    } catch (error) {
      if (error instanceof NotServing) throw unavailable('It is not certain yet; ask again.', 1, error);
      if (error instanceof OAuthError) throw notFound();
      throw error;
    }
  }
}
