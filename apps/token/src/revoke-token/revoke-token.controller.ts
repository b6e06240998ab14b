import { ApiExcludeController, Public } from '#host';
import { oauthPaths } from '#smart';
import { Body, Controller, Header, Headers, HttpCode, Post, UseFilters } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { NotServing, type OpenAccess } from '../authenticate-client/admitted-clients.js';
import { ClientAuthentication } from '../authenticate-client/client-authentication.js';
import { AccessTokens } from '../authorization-server/access-tokens.js';
import { GrantEvents, type Succeeded } from '../consent/grant-events.js';
import { UserGrants } from '../consent/user-grants.js';
import { RefreshTokens } from '../issue-token/refresh-tokens.js';
import { GrantReceipts } from '../see-grants/grant-receipts.js';
import { OAuthBody, OAuthErrorFilter } from '../answer-oauth/oauth-error.filter.js';
import { OAuthError } from '../answer-oauth/oauth-error.js';
import { RevokeToken } from './revoke-token.handler.js';

/**
 * A client ends one of its own tokens (RFC 7009): an access token alone, or with a refresh token the whole grant. It is
 * answered when no enforcement point believes the token any more.
 */
@Controller(oauthPaths.revocation)
@ApiExcludeController()
@Public()
@UseFilters(OAuthErrorFilter)
export class RevokeTokenController {
  constructor(
    private readonly clients: ClientAuthentication,
    private readonly tokens: AccessTokens,
    private readonly refreshTokens: RefreshTokens,
    private readonly grants: UserGrants,
    private readonly events: GrantEvents,
    private readonly receipts: GrantReceipts,
    private readonly commands: CommandBus,
  ) {}

  /**
   * 200 also for a token that is none of ours or has expired: it is as dead as asked (2.2). 503 where it is not certain that
   * it is dead everywhere: the client then takes it for living and asks again (2.2.1).
   */
  @Post()
  @HttpCode(200)
  @OAuthBody('application/x-www-form-urlencoded')
  @Header('cache-control', 'no-store')
  @Header('pragma', 'no-cache')
  async revoke(
    @Body() form: Record<string, unknown> | undefined,
    @Headers('authorization') authorization: string | undefined,
  ): Promise<void> {
    const { access } = await this.clients.authenticate({ form: form ?? {}, authorization });
    const given = form?.['token'];
    if (typeof given !== 'string' || given === '')
      throw new OAuthError(400, 'invalid_request', 'token is required, once');
    const refreshed = await this.refreshTokens.find(given);
    if (refreshed !== undefined) return this.endGrant(refreshed.grantId, access);
    const claims = await this.tokens.living(given);
    if (claims?.jti === undefined || claims.exp === undefined) return;
    if (claims['client_id'] !== access.clientId) throw notYours();
    const { applicationId, clientId } = access;
    const expiresAt = new Date(claims.exp * 1000).toISOString();
    const answer = await this.commands.execute(new RevokeToken(applicationId, clientId, claims.jti, expiresAt));
    if (answer.status === 'refused' && answer.refusal.type === 'token-expired') return;
    if (answer.status !== 'succeeded') throw new NotServing(`the revocation is ${answer.status}`);
    await this.inForce(applicationId, answer);
  }

  /** RFC 7009, 2.1: with a refresh token goes everything that rests on the same grant. */
  private async endGrant(grantId: string, { clientId }: OpenAccess): Promise<void> {
    // Also one that does not stand any more: its access tokens may, and whoever asks again must wait as the first does.
    const grant = await this.grants.owner(grantId);
    if (grant === undefined) return;
    if (grant.clientId !== clientId) throw notYours();
    await this.events.revoke(grant, 'revoked-by-client', `client:${clientId}`, (ended) =>
      this.inForce(grant.applicationId, ended),
    );
  }

  /** Waits until every enforcement point has it in force, or lets nobody in. */
  private async inForce(applicationId: string, ended: Succeeded): Promise<void> {
    const receipt = await this.receipts.of(applicationId, ended);
    if (receipt === undefined) throw new NotServing('it is not certain that the end is in force everywhere');
  }
}

function notYours(): OAuthError {
  return new OAuthError(400, 'invalid_grant', 'the token was issued to another client');
}
