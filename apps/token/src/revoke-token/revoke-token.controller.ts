import { TOKEN_CLOCK_TOLERANCE_S } from '#contracts';
import { BaseConfig, Consumes, Public } from '#host';
import { oauthPaths } from '#smart';
import { Body, Controller, Header, HttpCode, Post, UseFilters } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiTags } from '@nestjs/swagger';
import { errors, importJWK, jwtVerify, type JWTPayload } from 'jose';
import { NotServing } from '../authenticate-client/admitted-clients.js';
import { ClientAuthentication } from '../authenticate-client/client-authentication.js';
import { accessTokenAlgorithm, SigningKeys } from '../authorization-server/signing-keys.js';
import { OAuthError, OAuthErrorFilter } from './oauth-error.filter.js';
import { RevokeToken } from './revoke-token.handler.js';

/** A client ends one of its own access tokens (RFC 7009). */
@Controller(oauthPaths.revocation)
@ApiTags('token')
@Public()
@UseFilters(OAuthErrorFilter)
export class RevokeTokenController {
  constructor(
    private readonly clients: ClientAuthentication,
    private readonly keys: SigningKeys,
    private readonly base: BaseConfig,
    private readonly commands: CommandBus,
  ) {}

  /** 200 also for a token that is none of ours or has expired: it is as dead as asked (2.2). */
  @Post()
  @HttpCode(200)
  @Consumes('application/x-www-form-urlencoded')
  @Header('cache-control', 'no-store')
  @Header('pragma', 'no-cache')
  async revoke(@Body() form: Record<string, unknown> | undefined): Promise<void> {
    const { access } = await this.clients.authenticate(form ?? {});
    const given = form?.['token'];
    if (typeof given !== 'string' || given === '')
      throw new OAuthError(400, 'invalid_request', 'token is required, once');
    const claims = await this.living(given);
    if (claims?.jti === undefined || claims.exp === undefined) return;
    if (claims['client_id'] !== access.clientId)
      throw new OAuthError(400, 'invalid_grant', 'the token was issued to another client');
    const { applicationId, clientId } = access;
    const expiresAt = new Date(claims.exp * 1000).toISOString();
    const answer = await this.commands.execute(new RevokeToken(applicationId, clientId, claims.jti, expiresAt));
    if (answer.status === 'refused' && answer.refusal.type === 'token-expired') return;
    if (answer.status !== 'succeeded') throw new NotServing(`the revocation is ${answer.status}`);
  }

  /** The claims of an access token of ours that the gateway may still believe. */
  private async living(given: string): Promise<JWTPayload | undefined> {
    const { kty, crv, x, y } = await this.keys.current();
    const key = await importJWK({ kty, crv, x, y } as Parameters<typeof importJWK>[0], accessTokenAlgorithm);
    try {
      const { publicUrl } = this.base;
      const expected = {
        issuer: publicUrl,
        audience: `${publicUrl}/fhir`,
        typ: 'at+jwt',
        algorithms: [accessTokenAlgorithm],
        clockTolerance: TOKEN_CLOCK_TOLERANCE_S,
      };
      return (await jwtVerify(given, key, expected)).payload;
    } catch (error) {
      if (error instanceof errors.JOSEError) return undefined;
      throw error;
    }
  }
}
