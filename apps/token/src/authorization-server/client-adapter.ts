import { Provider, type Adapter, type AdapterPayload } from 'oidc-provider';
import type { AdmittedClient, AdmittedClients } from '../authenticate-client/admitted-clients.js';
import { orUnavailable } from './oauth-errors.js';

/** Remembers the client that a request was authenticated for, as long as the request lives. */
export type Admissions = WeakMap<object, AdmittedClient>;

/**
 * The provider's way to clients: effective access in memory, by the assertion at hand. It holds nothing else: the
 * tokens are signed, and assertions are spent by `SpentAssertions`.
 */
export function clientAdapter(clients: AdmittedClients, admissions: Admissions): (model: string) => Adapter {
  const nothing = async () => undefined;
  const keepsNothing = async () => {};
  return (model) => ({
    upsert: keepsNothing,
    find: model === 'Client' ? (id) => orUnavailable(() => findClient(clients, admissions, id)) : nothing,
    findByUid: nothing,
    findByUserCode: nothing,
    consume: keepsNothing,
    destroy: keepsNothing,
    revokeByGrantId: keepsNothing,
  });
}

async function findClient(
  clients: AdmittedClients,
  admissions: Admissions,
  clientId: string,
): Promise<AdapterPayload | undefined> {
  const { ctx } = Provider;
  const assertion = ctx?.oidc.params?.['client_assertion'];
  if (ctx === undefined || typeof assertion !== 'string') return undefined;
  const admitted = await clients.admit(clientId, assertion);
  if (admitted === undefined) return undefined;
  admissions.set(ctx, admitted);
  return {
    client_id: clientId,
    token_endpoint_auth_method: 'private_key_jwt',
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
    jwks: { keys: [publicPart(admitted.key.jwk, admitted.key.kid)] },
  };
}

/** What verifying needs, and nothing that a client put beside it. */
function publicPart(jwk: Readonly<Record<string, unknown>>, kid: string): Record<string, unknown> {
  const { kty, n, e, crv, x, y } = jwk;
  return kty === 'RSA' ? { kty, n, e, kid } : { kty, crv, x, y, kid };
}
