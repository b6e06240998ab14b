import { ApiExcludeController, BaseConfig, Public, VAULT } from '#host';
import { oauthPaths } from '#smart';
import type { Vault } from '#vault';
import { Body, Controller, Header, HttpCode, Inject, Post, UseFilters } from '@nestjs/common';
import { NotServing } from '../authenticate-client/admitted-clients.js';
import { OAuthBody, OAuthErrorFilter } from '../answer-oauth/oauth-error.filter.js';
import { OAuthError } from '../answer-oauth/oauth-error.js';
import { IdentityFederation, SignInFailed } from '../sign-in/identity-federation.js';
import { TokenConfig } from '../token.config.js';
import { readLogout, type Logout } from './logout-token.js';
import { PersonEnds, type PersonEnd, type PersonEnded } from './person-ends.js';

/** Who ends what a logout token ends. */
const provider = 'system:identity-provider';

/**
 * The OpenID provider says that somebody was signed out there, or disabled (OpenID Connect Back-Channel Logout 1.0). A
 * session that ends there ends here, with what lasts no longer. All sessions of a person at once are the person's end.
 */
@Controller(oauthPaths.backChannelLogout)
@ApiExcludeController()
@Public()
@UseFilters(OAuthErrorFilter)
export class BackChannelLogoutController {
  constructor(
    private readonly federation: IdentityFederation,
    private readonly ends: PersonEnds,
    private readonly base: BaseConfig,
    private readonly config: TokenConfig,
    @Inject(VAULT) private readonly vault: Vault,
  ) {}

  /** 200 with the receipts when it is in force everywhere; 503 where that is not certain yet, and the provider asks again. */
  @Post()
  @HttpCode(200)
  @OAuthBody('application/x-www-form-urlencoded')
  @Header('cache-control', 'no-store')
  async logout(@Body() form: Record<string, unknown> | undefined): Promise<PersonEnded> {
    const { issuer, subject, session, offlineAccess } = await this.believed(form?.['logout_token']);
    const userId = await this.vault.subjectId(issuer, subject);
    const ended = (cause: PersonEnd['cause']): PersonEnd => ({ cause, actor: provider });
    const allOfThem = session === undefined && this.config.logoutEnds === 'everything';
    return allOfThem || offlineAccess
      ? this.ends.everything(userId, ended('user-revoked'))
      : this.ends.sessionsOf(userId, session, ended('signed-out'));
  }

  private async believed(token: unknown): Promise<Logout> {
    if (typeof token !== 'string') throw new OAuthError(400, 'invalid_request', 'logout_token is required, once');
    const believed = await this.claimsOf(token);
    if (believed === undefined)
      throw new OAuthError(400, 'invalid_request', 'no logout token of the provider for this service');
    const { protectedHeader, payload } = believed;
    const read = readLogout(protectedHeader, payload, Date.now() / 1000, this.base.identityClockSkew);
    if (!read.ok) throw new OAuthError(400, 'invalid_request', `no logout token: ${read.fault}`);
    return read.logout;
  }

  private async claimsOf(token: string): ReturnType<IdentityFederation['believe']> {
    try {
      return await this.federation.believe(token);
    } catch (cause) {
      if (cause instanceof SignInFailed) throw new NotServing('the provider does not answer', { cause });
      throw cause;
    }
  }
}
