import { createHash } from 'node:crypto';
import { coversEndpoint } from '#access';
import { FhirConfig, type FhirEndpoint } from '#fhir-endpoints';
import { BaseConfig, Database } from '#host';
import { Inject, Injectable } from '@nestjs/common';
import { errors } from 'oidc-provider';
import { AdmittedClients, type AdmittedRequest, type OpenAccess } from '../authenticate-client/admitted-clients.js';
import { orUnavailable } from '../authorization-server/oauth-errors.js';
import { digestOf } from '../authorization-server/provider-records.js';
import type { KeyRing } from '../authorization-server/signing-keys.js';
import { GrantEvents } from '../consent/grant-events.js';
import { UserGrants, type UserGrant } from '../consent/user-grants.js';
import { sameText } from '../consent/same-text.js';
import { smartStyleUrl } from '../discovery/smart-style.js';
import { PATIENT_RIGHTS, type PatientRightsOf } from '../see-patients/patient-rights.js';
import { TokenConfig } from '../token.config.js';
import type { GrantHandler, TokenRequest, TokenResponse } from './grant-handler.js';
import { tokenTypeOf } from './issue-token.js';
import { RefreshTokens, type EarnedBy } from './refresh-tokens.js';
import type { TokenFacts } from './token-facts.js';
import { scopesNow, signAccessToken, signIdToken, type SignedToken } from './user-token.js';

/** A code as the provider keeps it. */
interface CodePayload {
  readonly clientId?: string;
  readonly grantId?: string;
  readonly redirectUri?: string;
  readonly codeChallenge?: string;
  /** The key that the code is bound to (RFC 9449, 10). */
  readonly dpopJkt?: string;
  readonly authTime?: number;
}

interface Code extends CodePayload {
  readonly consumed: boolean;
  readonly expired: boolean;
}

/** A code is consumed once, and its grant lives on from then. */
const redeem = {
  name: 'redeem-code',
  text: `WITH consumed AS (
      UPDATE protocol.provider_records SET consumed_at = now()
      WHERE model = 'AuthorizationCode' AND digest = $1 AND consumed_at IS NULL RETURNING 1),
    renewed AS (
      UPDATE protocol.grants SET expires_at = now() + make_interval(days => $3::int), last_used_at = now()
      WHERE grant_id = $2 AND EXISTS (SELECT 1 FROM consumed))
    SELECT count(*)::int AS count FROM consumed`,
};

/** What the handlers need that comes with the provider. */
export interface Issuer {
  readonly keys: Pick<KeyRing, 'accessToken' | 'idToken'>;
  readonly facts: TokenFacts;
}

/**
 * Tokens of a user's grant: for a code, and for a refresh token. What was made counts once the log has its fact; until
 * then the code, or the refresh token, is as good as before.
 */
@Injectable()
export class UserTokens {
  constructor(
    private readonly database: Database,
    private readonly clients: AdmittedClients,
    private readonly grants: UserGrants,
    private readonly events: GrantEvents,
    private readonly refreshTokens: RefreshTokens,
    private readonly config: TokenConfig,
    private readonly base: BaseConfig,
    private readonly fhir: FhirConfig,
    @Inject(PATIENT_RIGHTS) private readonly rights: PatientRightsOf,
  ) {}

  /** The grant `authorization_code` (RFC 6749, 4.1.3; RFC 7636, 4.6). */
  redeem(issuer: Issuer): GrantHandler {
    return (asked, admitted) => orUnavailable(() => this.redeemCode(issuer, asked, admitted));
  }

  /** The grant `refresh_token` (RFC 6749, 6; RFC 9700, 4.14). */
  refresh(issuer: Issuer): GrantHandler {
    return (asked, admitted) => orUnavailable(() => this.refreshAccess(issuer, asked, admitted));
  }

  private async redeemCode(issuer: Issuer, asked: TokenRequest, admitted: AdmittedRequest): Promise<TokenResponse> {
    const { code: value, redirect_uri: redirectUri, code_verifier: verifier } = asked.params;
    if (value === undefined) throw new errors.InvalidRequest('missing required parameter(s): code');
    const code = await this.findCode(value);
    if (code?.grantId === undefined || code.clientId !== admitted.access.clientId)
      throw new errors.InvalidGrant('the code is unknown, or is another client’s');
    if (code.redirectUri !== redirectUri) throw new errors.InvalidGrant('redirect_uri is not that of the request');
    if (!provesChallenge(verifier, code.codeChallenge)) throw new errors.InvalidGrant('code_verifier does not match');
    if (code.dpopJkt !== undefined && code.dpopJkt !== admitted.jkt)
      throw new errors.InvalidGrant('the code is bound to another key than was shown, or none was');
    if (code.consumed) return this.endReused(code.grantId, admitted, 'code-reused', 'the code was used before');
    if (code.expired) throw new errors.InvalidGrant('the code has expired');
    const grant = await this.standing(code.grantId);
    await this.mustNotHaveEnded(grant, admitted);
    await this.mustStillSee(grant, admitted);

    const token = await this.sign(issuer, grant, admitted, undefined);
    const refreshed = { refresh: undefined as string | undefined };
    const first = await this.database.atomically(async (execute) => {
      const life = grant.duration === 'once' ? 1 : this.config.refreshDays;
      const [row] = await execute<{ readonly count: number }>(redeem, [digestOf(value), grant.grantId, life + 1]);
      if (row?.count !== 1) return false;
      if (grant.duration !== 'once')
        refreshed.refresh = await this.refreshTokens.first(
          execute,
          grant.clientId,
          { grantId: grant.grantId, ...earnedBy(admitted) },
          life,
        );
      await this.record(issuer, asked, 'authorization_code', grant, admitted, token);
      return true;
    });
    if (!first) return this.endReused(grant.grantId, admitted, 'code-reused', 'the code was used before');
    this.mustStand(grant, admitted);
    const idToken = token.scopes.includes('openid')
      ? await signIdToken({
          key: issuer.keys.idToken,
          issuer: this.base.publicUrl,
          fhirBase: this.endpointOf(grant).base,
          grant,
          scopes: token.scopes,
          ...(code.authTime === undefined ? {} : { authTime: code.authTime }),
        })
      : undefined;
    return this.answer(token, grant, admitted, refreshed.refresh, idToken);
  }

  private async refreshAccess(issuer: Issuer, asked: TokenRequest, admitted: AdmittedRequest): Promise<TokenResponse> {
    const { refresh_token: presented, scope } = asked.params;
    if (presented === undefined) throw new errors.InvalidRequest('missing required parameter(s): refresh_token');
    const found = await this.refreshTokens.findWithGrant(presented);
    if (found?.grant.clientId !== admitted.access.clientId)
      throw new errors.InvalidGrant('the refresh token is unknown, has ended, or is another client’s');
    const { kept, grant } = found;
    if (kept.keyThumbprint !== undefined && admitted.access.deadKeyThumbprints.includes(kept.keyThumbprint))
      throw new errors.InvalidGrant('the key that earned the refresh token was compromised');
    // Whoever has a secret or a key shows with it who they are; for a public client the proof alone tells it from a thief.
    if (admitted.access.clientType === 'public' && kept.jkt !== undefined && kept.jkt !== admitted.jkt)
      throw new errors.InvalidGrant('the refresh token is bound to another key than was shown, or none was');
    await this.mustNotHaveEnded(grant, admitted);
    await this.mustStillSee(grant, admitted);

    const token = await this.sign(issuer, grant, admitted, scope);
    const fact = (): Promise<void> => this.record(issuer, asked, 'refresh_token', grant, admitted, token);
    const { refreshDays } = this.config;
    const rotation = await this.refreshTokens.rotate(presented, earnedBy(admitted), token.scopes, refreshDays, fact);
    switch (rotation.kind) {
      case 'unknown':
        throw new errors.InvalidGrant('the refresh token has ended');
      case 'reused':
        return this.endReused(grant.grantId, admitted, 'refresh-token-reused', 'the refresh token was used before');
      case 'wider':
        throw new errors.InvalidScope('more than the first use of this refresh token brought', scope ?? '');
      case 'repeated':
        await fact();
        break;
      case 'rotated':
        break;
      default:
        return rotation satisfies never;
    }
    this.mustStand(grant, admitted);
    return this.answer(token, grant, admitted, rotation.successor, undefined);
  }

  private async findCode(value: string): Promise<Code | undefined> {
    const [row] = await this.database.query<{ payload: CodePayload; consumed: boolean; expired: boolean }>(
      `SELECT payload, consumed_at IS NOT NULL AS consumed, expires_at <= now() AS expired
       FROM protocol.provider_records WHERE model = 'AuthorizationCode' AND digest = $1`,
      [digestOf(value)],
    );
    return row && { ...row.payload, consumed: row.consumed, expired: row.expired };
  }

  private async standing(grantId: string): Promise<UserGrant> {
    const grant = await this.grants.standing(grantId);
    if (grant === undefined) throw new errors.InvalidGrant('the grant has ended');
    return grant;
  }

  /** The log remembers ended grants for as long as their tokens live, the database for good: what it missed it learns here. */
  private async mustNotHaveEnded({ grantId }: UserGrant, { access }: AdmittedRequest): Promise<void> {
    if (!access.revokedGrants.has(grantId)) return;
    await this.grants.end(grantId, async () => undefined);
    await this.grants.forgetTokens(grantId);
    throw new errors.InvalidGrant('the grant has ended');
  }

  /** A right that ended ends its grants. */
  private async mustStillSee(grant: UserGrant, { access }: AdmittedRequest): Promise<void> {
    if (await this.mayStillSee(grant)) return;
    await this.events.revoke(grant, 'right-ended', `client:${access.clientId}`);
    throw new errors.InvalidGrant('the user may not see the patient any more');
  }

  private async mayStillSee(grant: UserGrant): Promise<boolean> {
    const { patient, otherPatients = [], fhirUser } = grant.context;
    const rights = this.rights.at(this.endpointOf(grant));
    const patients = patient === undefined ? otherPatients : [patient, ...otherPatients];
    if (patients.length === 0) return fhirUser === undefined || (await rights.exists(fhirUser));
    if (fhirUser === undefined) return false;
    const seen = await Promise.all(patients.map((each) => rights.patientFor(fhirUser, each)));
    return seen.every((each) => each !== undefined);
  }

  private async endReused(
    grantId: string,
    { access }: AdmittedRequest,
    cause: 'code-reused' | 'refresh-token-reused',
    why: string,
  ): Promise<never> {
    await this.events.revoke({ grantId, applicationId: access.applicationId }, cause, `client:${access.clientId}`);
    throw new errors.InvalidGrant(why);
  }

  private async sign(
    { keys }: Issuer,
    grant: UserGrant,
    admitted: AdmittedRequest,
    wanted: string | undefined,
  ): Promise<SignedToken> {
    const endpoint = this.endpointOf(grant);
    if (!coversEndpoint(admitted.access, endpoint.id))
      throw new errors.InvalidScope('the approval does not cover this endpoint', '');
    const scopes = scopesNow(grant, admitted, wanted);
    if (scopes === undefined) throw new errors.InvalidScope('not what was granted and is approved now', wanted ?? '');
    return signAccessToken({
      key: keys.accessToken,
      issuer: this.base.publicUrl,
      audience: endpoint.base,
      grant,
      admitted,
      scopes,
      life: this.config.accessLife,
    });
  }

  private async record(
    { facts }: Issuer,
    { address }: TokenRequest,
    grantType: string,
    grant: UserGrant,
    { access, key }: AdmittedRequest,
    token: SignedToken,
  ): Promise<void> {
    const endpoint = this.endpointOf(grant);
    await facts.issued(access.applicationId, {
      clientId: access.clientId,
      tokenId: token.tokenId,
      grantType,
      scopes: [...token.scopes],
      audience: endpoint.base,
      endpoint: endpoint.id,
      expiresAt: token.expiresAt,
      approvalVersion: access.approvalVersion,
      epoch: access.epoch,
      grantId: grant.grantId,
      userId: grant.userId,
      ...(grant.context.patientId === undefined ? {} : { patient: grant.context.patientId }),
      ...(key === undefined ? {} : { keyThumbprint: key.thumbprint }),
      clientAddress: address,
    });
  }

  /** The endpoint that the user agreed to; one that is served no more ends the grant's use. */
  private endpointOf({ context }: UserGrant): FhirEndpoint {
    const endpoint = this.fhir.endpoints.withId(context.endpoint);
    if (endpoint === undefined) throw new errors.InvalidGrant('the FHIR endpoint of the grant is not served');
    return endpoint;
  }

  /** What closed access meanwhile counts: nothing leaves that a report of this instance says cannot. */
  private mustStand(grant: UserGrant, { access, key }: AdmittedRequest): void {
    const now: OpenAccess | undefined = this.clients.open(access.clientId);
    if (now?.epoch !== access.epoch || (key !== undefined && now.deadKeyThumbprints.includes(key.thumbprint)))
      throw new errors.InvalidClientAuth('access was closed while the token was made');
    if (now.revokedGrants.has(grant.grantId)) throw new errors.InvalidGrant('the grant ended while the token was made');
  }

  /** The token response (SMART App Launch 2.2, 2.0.9). */
  private answer(
    token: SignedToken,
    { context }: UserGrant,
    { jkt }: AdmittedRequest,
    refreshToken: string | undefined,
    idToken: string | undefined,
  ): TokenResponse {
    const { patient, encounter, intent, tenant, fhirContext } = context;
    const given = {
      refresh_token: refreshToken,
      id_token: idToken,
      patient,
      encounter,
      need_patient_banner: patient === undefined ? undefined : true,
      smart_style_url: smartStyleUrl(this.config, this.base),
      intent,
      tenant,
      fhirContext,
    };
    return {
      access_token: token.value,
      token_type: tokenTypeOf(jkt),
      expires_in: token.expiresIn,
      scope: token.scopes.join(' '),
      ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    };
  }
}

function earnedBy({ key, jkt }: AdmittedRequest): EarnedBy {
  return { ...(key === undefined ? {} : { keyThumbprint: key.thumbprint }), ...(jkt === undefined ? {} : { jkt }) };
}

/** RFC 7636, 4.1 and 4.6. */
function provesChallenge(verifier: string | undefined, challenge: string | undefined): boolean {
  if (verifier === undefined || challenge === undefined || !/^[A-Za-z0-9._~-]{43,128}$/.test(verifier)) return false;
  return sameText(createHash('sha256').update(verifier).digest('base64url'), challenge);
}
