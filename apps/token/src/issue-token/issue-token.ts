import { coversEndpoint, type EffectiveAccess } from '#access';
import type { FhirEndpoint, FhirEndpoints } from '#fhir-endpoints';
import { decodeJwt } from 'jose';
import { errors, type Provider, type TokenEndpointGrantContext } from 'oidc-provider';
import type { AdmittedClient, AdmittedClients } from '../authenticate-client/admitted-clients.js';
import type { AdmittedRequest } from '../authorization-server/client-adapter.js';
import { accessTokenAlgorithm } from '../authorization-server/signing-keys.js';
import { orUnavailable } from '../authorization-server/oauth-errors.js';
import { grantScopes } from './grant-scopes.js';
import type { TokenFacts } from './token-facts.js';

/** How long a backend service's token lives at most, in seconds (SMART App Launch 2.2, Backend Services). */
const longestLife = 300;

export const clientCredentials = 'client_credentials';

export interface Issuing {
  readonly provider: Provider;
  readonly clients: AdmittedClients;
  readonly facts: TokenFacts;
  readonly endpoints: FhirEndpoints;
}

/** The grant `client_credentials` (RFC 6749, 4.4): an access token (RFC 9068) that does no more than is approved now. */
export async function issueToken(
  { provider, clients, facts, endpoints }: Issuing,
  ctx: TokenEndpointGrantContext<{ scope?: string; resource?: string }>,
  /** The client that was authenticated in this request. */
  { access, key, jkt }: AdmittedRequest & AdmittedClient,
): Promise<void> {
  const { id: endpoint, base: audience } = endpointMeant(endpoints, ctx.oidc.params.resource, access);
  const granted = grantScopes(ctx.oidc.params.scope, access.scopes);
  if (!granted.ok) throw new errors.InvalidScope(granted.fault, ctx.oidc.params.scope ?? '');
  const scope = granted.scopes.join(' ');
  const expiresIn = lifeOf(access.expiresAt);

  const token = new provider.ClientCredentials({ client: ctx.oidc.client, scope, expiresIn });
  const jwt = { sign: { alg: accessTokenAlgorithm } } as const;
  token.resourceServer = new provider.ResourceServer(audience, { audience, scope, accessTokenFormat: 'jwt', jwt });
  if (jkt !== undefined) token.setThumbprint('jkt', jkt);
  const value = await orUnavailable(() => token.save());
  const { jti = '', exp = 0 } = decodeJwt(value);

  await orUnavailable(async () =>
    facts.issued(access.applicationId, {
      clientId: access.clientId,
      tokenId: jti,
      grantType: clientCredentials,
      scopes: [...granted.scopes],
      audience,
      endpoint,
      expiresAt: new Date(exp * 1000).toISOString(),
      approvalVersion: access.approvalVersion,
      epoch: access.epoch,
      keyThumbprint: key.thumbprint,
      clientAddress: ctx.ip,
    }),
  );
  // What closed access meanwhile counts: nothing leaves that a report of this instance says cannot.
  const now = await orUnavailable(async () => clients.open(access.clientId));
  if (now?.epoch !== access.epoch || now.deadKeyThumbprints.includes(key.thumbprint))
    throw new errors.InvalidClientAuth('access was closed while the token was made');
  ctx.body = { access_token: value, token_type: tokenTypeOf(jkt), expires_in: expiresIn, scope };
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

/** What the gateway decides by, beside RFC 9068's own claims. */
export function accessClaims({ access, key }: AdmittedClient): Record<string, unknown> {
  return {
    gatehouse_application: access.applicationId,
    gatehouse_approval_version: access.approvalVersion,
    gatehouse_epoch: access.epoch,
    gatehouse_key: key.thumbprint,
  };
}

/** No token outlives the approval it rests on. */
function lifeOf(approvedUntil: string): number {
  return Math.max(1, Math.min(longestLife, Math.floor((Date.parse(approvedUntil) - Date.now()) / 1000)));
}
