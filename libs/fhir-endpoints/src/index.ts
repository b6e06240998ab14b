export { DEFAULT_ENDPOINT, FhirEndpoints, type FhirEndpoint, type ObserveRule } from './fhir-endpoint.js';
export type { AdmissionSettings, RegisterSettings } from './admit-settings.js';
export type { UserRightsSettings } from './user-rights-settings.js';
export { EndpointIdsConfig } from './endpoint-ids.config.js';
export { FhirConfig } from './fhir.config.js';
export { CredentialUnavailable, type UpstreamAccess } from './upstream-access.js';
export { upstreamAccessOf } from './upstream-access-of.js';
