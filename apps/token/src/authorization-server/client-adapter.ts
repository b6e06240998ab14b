import { Provider, type Adapter, type AdapterPayload } from 'oidc-provider';
import type { AdmittedClients, OpenAccess } from '../authenticate-client/admitted-clients.js';
import { nothingKept } from './nothing-kept.js';
import { orUnavailable } from './oauth-errors.js';

/**
 * The provider's way to clients: effective access in memory, and, where an assertion is at hand, the one key that it
 * can be signed with.
 */
export function clientAdapter(clients: AdmittedClients): Adapter {
  return { ...nothingKept, find: (id) => orUnavailable(() => findClient(clients, id)) };
}

async function findClient(clients: AdmittedClients, clientId: string): Promise<AdapterPayload | undefined> {
  const { ctx } = Provider;
  if (ctx === undefined) return undefined;
  const assertion = ctx.oidc.params?.['client_assertion'];
  if (typeof assertion === 'string') {
    const admitted = await clients.admit(clientId, assertion);
    if (admitted === undefined) return undefined;
    const jwks = { keys: [publicPart(admitted.key.jwk, admitted.key.kid)] };
    return { ...metadataOf(admitted.access), token_endpoint_auth_method: 'private_key_jwt', jwks };
  }
  const access = clients.open(clientId);
  if (access === undefined) return undefined;
  const metadata = metadataOf(access);
  switch (access.clientType) {
    case 'public':
      return { ...metadata, token_endpoint_auth_method: 'none' };
    case 'confidential-symmetric':
      // Only hashes are known; `compareClientSecret` compares with them, and never with this.
      return { ...metadata, token_endpoint_auth_method: 'client_secret_basic', client_secret: `of ${clientId}` };
    case 'confidential-asymmetric':
      // Without an assertion nothing is authenticated with it: the authorization endpoint, or a refused request.
      return { ...metadata, token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [] } };
    default:
      return access.clientType satisfies never;
  }
}

/** What the provider checks requests by. Redirect URIs are compared by `mayRedirectTo`. */
function metadataOf(access: OpenAccess): AdapterPayload {
  const { clientId, kind, redirectUris, requirePushedAuthorizationRequests: pushed = false } = access;
  if (kind === 'backend' || redirectUris.length === 0)
    return { client_id: clientId, grant_types: [], response_types: [], redirect_uris: [] };
  const web = redirectUris.every((uri) => /^https?:/i.test(uri));
  return {
    client_id: clientId,
    application_type: web ? 'web' : 'native',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    redirect_uris: [...redirectUris],
    require_pushed_authorization_requests: pushed,
  };
}

/** What verifying needs, and nothing that a client put beside it. */
function publicPart(jwk: Readonly<Record<string, unknown>>, kid: string): Record<string, unknown> {
  const { kty, n, e, crv, x, y } = jwk;
  return kty === 'RSA' ? { kty, n, e, kid } : { kty, crv, x, y, kid };
}
