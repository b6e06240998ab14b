import { tokenFault } from '#access';
import type { IncomingMessage } from 'node:http';
import { Authenticator, BaseConfig } from '#host';
import { intersect, serialiseScopes } from '#smart';
import { Injectable } from '@nestjs/common';
import type { JWTPayload } from 'jose';
import type { Form } from '../answer-oauth/form.js';
import { OAuthError } from '../answer-oauth/oauth-error.js';
import { approvedScopes } from '../ask-authorization/asked-scopes.js';
import { AdmittedClients } from '../authenticate-client/admitted-clients.js';
import { ClientAuthentication, ClientRefused } from '../authenticate-client/client-authentication.js';
import { AccessTokens } from '../authorization-server/access-tokens.js';
import { UserGrants } from '../consent/user-grants.js';
import { smartStyleUrl } from '../discovery/smart-style.js';
import { tokenTypeOf } from '../issue-token/issue-token.js';
import { RefreshTokens } from '../issue-token/refresh-tokens.js';
import { TokenConfig } from '../token.config.js';

/** What is told of a token (RFC 7662, 2.2; SMART App Launch 2.2, 6). One that is dead is not described. */
type Introspected = { readonly active: false } | ({ readonly active: true } & Readonly<Record<string, unknown>>);

const inactive: Introspected = { active: false };

/** Whether a token counts, and for what, as resource servers ask. */
@Injectable()
export class Introspection {
  constructor(
    private readonly authenticator: Authenticator,
    private readonly authentication: ClientAuthentication,
    private readonly clients: AdmittedClients,
    private readonly tokens: AccessTokens,
    private readonly refreshTokens: RefreshTokens,
    private readonly grants: UserGrants,
    private readonly base: BaseConfig,
    private readonly config: TokenConfig,
  ) {}

  /**
   * An enforcement point (a bearer token of the identity provider with that role) sees any token; a client that has shown
   * who it is sees its own. Public clients show nothing and may not call, and no access token of ours is a way in.
   *
   * @throws OAuthError, and what `ClientAuthentication` and `Authenticator` throw
   */
  async answer(request: IncomingMessage, form: Form): Promise<Introspected> {
    const only = await this.caller(request, form);
    const { token } = form;
    if (typeof token !== 'string' || token === '')
      throw new OAuthError(400, 'invalid_request', 'token is required, once');
    const found = (await this.accessToken(token)) ?? (await this.refreshToken(token)) ?? inactive;
    return found.active && only !== undefined && found['client_id'] !== only ? inactive : found;
  }

  /** The client whose tokens alone are shown; undefined for who may see any. */
  private async caller(request: IncomingMessage, form: Form): Promise<string | undefined> {
    const { authorization } = request.headers;
    if (authorization !== undefined && /^bearer /i.test(authorization)) {
      const { caller } = await this.authenticator.authenticate(request);
      if (caller.roles.includes('enforcement-point')) return undefined;
      throw new OAuthError(403, 'insufficient_scope', 'this is for enforcement points');
    }
    const { access } = await this.authentication.authenticate({ form, authorization });
    if (access.clientType === 'public') throw new ClientRefused('a public client may not introspect');
    return access.clientId;
  }

  private async accessToken(token: string): Promise<Introspected | undefined> {
    const claims = await this.tokens.living(token);
    if (claims === undefined) return undefined;
    const access = this.clients.open(textOf(claims, 'client_id') ?? '');
    const grantId = textOf(claims, 'gatehouse_grant');
    const keyThumbprint = textOf(claims, 'gatehouse_key');
    const standing = {
      tokenId: claims.jti ?? '',
      epoch: Number(claims['gatehouse_epoch']),
      ...(keyThumbprint === undefined ? {} : { keyThumbprint }),
      ...(grantId === undefined ? {} : { grantId }),
    };
    if (access === undefined || tokenFault(access, standing) !== undefined) return inactive;
    const scope = stillApproved((textOf(claims, 'scope') ?? '').split(' '), access.scopes);
    if (scope === '') return inactive;
    const { exp, iat, iss, sub, aud, jti } = claims;
    const fhirUser = textOf(claims, 'fhirUser');
    return {
      active: true,
      token_type: tokenTypeOf(jktOf(claims)),
      ...defined({
        cnf: claims['cnf'],
        exp,
        iat,
        iss,
        sub,
        aud,
        jti,
        client_id: claims['client_id'],
        scope,
        ...this.launchContext(claims),
        fhirUser: fhirUser === undefined ? undefined : `${String(aud)}/${fhirUser}`,
      }),
    };
  }

  /** What of the launch the token response has told (SMART App Launch 2.2, 6.1). */
  private launchContext({ patient, encounter, intent, tenant, fhirContext, ...rest }: JWTPayload) {
    if (rest['gatehouse_grant'] === undefined) return {};
    const banner = patient === undefined ? undefined : true;
    const style = smartStyleUrl(this.config, this.base);
    return { patient, encounter, intent, tenant, fhirContext, need_patient_banner: banner, smart_style_url: style };
  }

  private async refreshToken(token: string): Promise<Introspected | undefined> {
    const kept = await this.refreshTokens.find(token);
    if (kept === undefined || kept.rotated) return undefined;
    const grant = await this.grants.standing(kept.grantId);
    if (grant === undefined) return inactive;
    const access = this.clients.open(grant.clientId);
    if (access === undefined || access.revokedGrants.has(kept.grantId)) return inactive;
    const scope = stillApproved(grant.scopes, access.scopes);
    if (scope === '') return inactive;
    return {
      active: true,
      client_id: grant.clientId,
      scope,
      exp: Math.floor(kept.expiresAt.getTime() / 1000),
      iss: this.base.publicUrl,
      sub: grant.userId,
    };
  }
}

/** What of granted scopes counts now, as the gateway has it: an approval that was narrowed narrows its tokens. */
function stillApproved(granted: readonly string[], approved: readonly string[]): string {
  return serialiseScopes(intersect(approvedScopes(granted), approvedScopes(approved)));
}

/** RFC 9449, 6.1. */
function jktOf({ cnf }: JWTPayload): string | undefined {
  return typeof cnf === 'object' && cnf !== null && 'jkt' in cnf && typeof cnf.jkt === 'string' ? cnf.jkt : undefined;
}

function textOf(claims: JWTPayload, name: string): string | undefined {
  const value: unknown = claims[name];
  return typeof value === 'string' ? value : undefined;
}

function defined(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
