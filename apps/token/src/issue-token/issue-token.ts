import { randomUUID } from 'node:crypto';
import { coversEndpoint, type EffectiveAccess } from '#access';
import type { FhirEndpoint, FhirEndpoints } from '#fhir-endpoints';
import { errors } from 'oidc-provider';
import type { AdmittedClients } from '../authenticate-client/admitted-clients.js';
import { orUnavailable } from '../authorization-server/oauth-errors.js';
import type { SigningKey } from '../sign-tokens/key-service.js';
import { signJwt } from '../sign-tokens/sign-jwt.js';
import type { GrantHandler } from './grant-handler.js';
import { grantScopes } from './grant-scopes.js';
import type { TokenFacts } from './token-facts.js';

/** How long a backend service's token lives at most, in seconds (SMART App Launch 2.2, Backend Services). */
const longestLife = 300;

export const clientCredentials = 'client_credentials';

export interface Issuing {
  /** `PUBLIC_URL`. */
  readonly issuer: string;
  readonly key: SigningKey;
  readonly clients: Pick<AdmittedClients, 'open'>;
  readonly facts: Pick<TokenFacts, 'issued'>;
  readonly endpoints: FhirEndpoints;
}

/** The grant `client_credentials` (RFC 6749, 4.4): an access token (RFC 9068) that does no more than is approved now. */
export function issueToken({ issuer, key: signing, clients, facts, endpoints }: Issuing): GrantHandler {
  return async ({ params, address }, { access, key, jkt }) => {
    if (key === undefined) throw new errors.InvalidClientAuth('only a client with keys of its own may ask for itself');
    const { id: endpoint, base: audience } = endpointMeant(endpoints, params['resource'], access);
    const granted = grantScopes(params['scope'], access.scopes);
    if (!granted.ok) throw new errors.InvalidScope(granted.fault, params['scope'] ?? '');
    const expiresIn = lifeOf(access.expiresAt);
    const now = Math.floor(Date.now() / 1000);
    const tokenId = randomUUID();
    const claims = {
      iss: issuer,
      aud: audience,
      sub: access.clientId,
      jti: tokenId,
      iat: now,
      exp: now + expiresIn,
      scope: granted.scopes.join(' '),
      client_id: access.clientId,
      // What the gateway decides by, beside RFC 9068's own claims.
      gatehouse_application: access.applicationId,
      gatehouse_approval_version: access.approvalVersion,
      gatehouse_epoch: access.epoch,
      gatehouse_key: key.thumbprint,
      ...(jkt === undefined ? {} : { cnf: { jkt } }),
    };
    const value = await orUnavailable(() => signJwt(signing, claims, { typ: 'at+jwt' }));
    await orUnavailable(() =>
      facts.issued(access.applicationId, {
        clientId: access.clientId,
        tokenId,
        grantType: clientCredentials,
        scopes: [...granted.scopes],
        audience,
        endpoint,
        expiresAt: new Date((now + expiresIn) * 1000).toISOString(),
        approvalVersion: access.approvalVersion,
        epoch: access.epoch,
        keyThumbprint: key.thumbprint,
        clientAddress: address,
      }),
    );
    // What closed access meanwhile counts: nothing leaves that a report of this instance says cannot.
    const standing = await orUnavailable(async () => clients.open(access.clientId));
    if (standing?.epoch !== access.epoch || standing.deadKeyThumbprints.includes(key.thumbprint))
      throw new errors.InvalidClientAuth('access was closed while the token was made');
    return { access_token: value, token_type: tokenTypeOf(jkt), expires_in: expiresIn, scope: claims.scope };
  };
}

/** How a token is presented: with a proof of the key that it is bound to, or by whoever has it. */
export function tokenTypeOf(jkt: string | undefined): 'DPoP' | 'Bearer' {
  return jkt === undefined ? 'Bearer' : 'DPoP';
}

/**
 * The endpoint that a token is for: the one that `resource` names (RFC 8707), or the only one that the application may
 * reach; SMART's backend services have no `aud` in their request.
 */
function endpointMeant(
  endpoints: FhirEndpoints,
  resource: string | undefined,
  access: Pick<EffectiveAccess, 'endpoints'>,
): FhirEndpoint {
  const named = resource === undefined ? undefined : endpoints.withBase(resource);
  if (resource !== undefined && named === undefined) throw new errors.InvalidTarget();
  const [meant, another] = (named ? [named] : endpoints.all).filter(({ id }) => coversEndpoint(access, id));
  if (meant === undefined) throw new errors.InvalidScope('the approval does not cover this endpoint', '');
  if (another !== undefined)
    throw new errors.InvalidTarget('there are several FHIR endpoints: resource has to name one by its URL');
  return meant;
}

/** No token outlives the approval it rests on. */
function lifeOf(approvedUntil: string): number {
  return Math.max(1, Math.min(longestLife, Math.floor((Date.parse(approvedUntil) - Date.now()) / 1000)));
}
