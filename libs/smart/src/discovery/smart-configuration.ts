/** Where the authorization server of a Gatehouse answers, below its public URL. */
export const oauthPaths = {
  authorization: '/oauth/authorize',
  interaction: '/oauth/interaction',
  token: '/oauth/token',
  pushedRequest: '/oauth/par',
  jwks: '/oauth/jwks',
  revocation: '/oauth/revoke',
  registration: '/oauth/register',
  introspection: '/oauth/introspect',
  grants: '/oauth/grants',
  backChannelLogout: '/oauth/back-channel-logout',
} as const;

/** Where the Bundle of user-access brands is, below the public URL. */
export const brandsPath = '/.well-known/user-access-brands';

/** What the authorization server says of itself in the words of OAuth (RFC 8414, 2). */
export interface AuthorizationServerMetadata {
  readonly issuer: string;
  readonly authorization_endpoint: string;
  readonly token_endpoint: string;
  readonly jwks_uri: string;
  readonly pushed_authorization_request_endpoint: string;
  readonly registration_endpoint: string;
  readonly revocation_endpoint: string;
  readonly introspection_endpoint: string;
  readonly grant_types_supported: readonly string[];
  readonly response_types_supported: readonly string[];
  readonly response_modes_supported: readonly string[];
  readonly scopes_supported: readonly string[];
  readonly token_endpoint_auth_methods_supported: readonly string[];
  readonly token_endpoint_auth_signing_alg_values_supported: readonly string[];
  readonly revocation_endpoint_auth_methods_supported: readonly string[];
  readonly revocation_endpoint_auth_signing_alg_values_supported: readonly string[];
  readonly introspection_endpoint_auth_methods_supported: readonly string[];
  readonly introspection_endpoint_auth_signing_alg_values_supported: readonly string[];
  readonly code_challenge_methods_supported: readonly string[];
  readonly authorization_response_iss_parameter_supported: boolean;
  readonly require_pushed_authorization_requests: boolean;
  readonly dpop_signing_alg_values_supported: readonly string[];
}

/** The same in the words of OpenID Connect Discovery 1.0, 3. */
export interface OpenidConfiguration extends AuthorizationServerMetadata {
  readonly subject_types_supported: readonly string[];
  readonly id_token_signing_alg_values_supported: readonly string[];
  readonly claims_supported: readonly string[];
}

/** `{fhir}/.well-known/smart-configuration` (SMART App Launch 2.2, Conformance). */
export interface SmartConfiguration extends AuthorizationServerMetadata {
  readonly management_endpoint: string;
  readonly user_access_brand_bundle: string;
  readonly capabilities: readonly string[];
}

const capabilities = [
  'launch-ehr',
  'launch-standalone',
  'authorize-post',
  'client-public',
  'client-confidential-symmetric',
  'client-confidential-asymmetric',
  'sso-openid-connect',
  'context-banner',
  'context-style',
  'context-ehr-patient',
  'context-ehr-encounter',
  'context-standalone-patient',
  'context-standalone-encounter',
  'permission-offline',
  'permission-online',
  'permission-patient',
  'permission-user',
  'permission-v1',
  'permission-v2',
];

const scopes = [
  'openid',
  'fhirUser',
  'profile',
  'launch',
  'launch/patient',
  'launch/encounter',
  'offline_access',
  'online_access',
  ...['patient', 'user', 'system'].flatMap((context) =>
    ['*.cruds', '*.rs', '*.read', '*.write'].map((permission) => `${context}/${permission}`),
  ),
];

/**
 * The metadata of the authorization server.
 *
 * @param publicUrl where callers reach the service: the issuer, without a slash at its end
 */
export function authorizationServerMetadata(publicUrl: string): AuthorizationServerMetadata {
  const confidential = ['private_key_jwt', 'client_secret_basic', 'client_secret_post'];
  const algorithms = ['RS384', 'ES384'];
  return {
    issuer: publicUrl,
    authorization_endpoint: publicUrl + oauthPaths.authorization,
    token_endpoint: publicUrl + oauthPaths.token,
    jwks_uri: publicUrl + oauthPaths.jwks,
    pushed_authorization_request_endpoint: publicUrl + oauthPaths.pushedRequest,
    registration_endpoint: publicUrl + oauthPaths.registration,
    revocation_endpoint: publicUrl + oauthPaths.revocation,
    introspection_endpoint: publicUrl + oauthPaths.introspection,
    grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials'],
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    scopes_supported: scopes,
    token_endpoint_auth_methods_supported: [...confidential, 'none'],
    token_endpoint_auth_signing_alg_values_supported: algorithms,
    revocation_endpoint_auth_methods_supported: [...confidential, 'none'],
    revocation_endpoint_auth_signing_alg_values_supported: algorithms,
    introspection_endpoint_auth_methods_supported: confidential,
    introspection_endpoint_auth_signing_alg_values_supported: algorithms,
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
    require_pushed_authorization_requests: false,
    dpop_signing_alg_values_supported: ['ES256', 'ES384', 'ES512', 'PS256', 'RS256', 'EdDSA', 'Ed25519'],
  };
}

/** The same for clients that speak OpenID Connect. */
export function openidConfiguration(publicUrl: string): OpenidConfiguration {
  return {
    ...authorizationServerMetadata(publicUrl),
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    claims_supported: ['iss', 'sub', 'aud', 'exp', 'iat', 'nonce', 'auth_time', 'fhirUser'],
  };
}

/** The same for clients that speak SMART. */
export function smartConfiguration(publicUrl: string): SmartConfiguration {
  return {
    ...authorizationServerMetadata(publicUrl),
    management_endpoint: publicUrl + oauthPaths.grants,
    user_access_brand_bundle: publicUrl + brandsPath,
    capabilities,
  };
}
