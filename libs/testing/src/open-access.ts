import type { EffectiveAccess } from '#access';

/** Access that is open, of a backend application, with what a test says otherwise. */
export function openAccess(otherwise: Partial<EffectiveAccess> = {}): EffectiveAccess {
  return {
    applicationId: 'a1',
    clientId: 'client-1',
    ownerId: 'owner',
    name: 'Lab viewer',
    kind: 'backend',
    clientType: 'confidential-asymmetric',
    status: 'open',
    scopes: ['system/Observation.rs'],
    epoch: 0,
    keys: [],
    secrets: [],
    deadKeyThumbprints: [],
    revokedTokens: new Set(),
    revokedGrants: new Set(),
    purposesOfUse: [],
    redirectUris: [],
    allowedOrigins: [],
    endpoints: ['*'],
    ...otherwise,
  };
}
