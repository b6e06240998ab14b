/** Where the authorization server of a Gatehouse answers, below its public URL. */
export const oauthPaths = { token: '/oauth/token', jwks: '/oauth/jwks', revocation: '/oauth/revoke' } as const;

/** What the authorization server says of itself in the words of OAuth (RFC 8414, 2). */
export interface AuthorizationServerMetadata {
  readonly issuer: string;
  readonly token_endpoint: string;
  readonly jwks_uri: string;
  readonly revocation_endpoint: string;
  readonly grant_types_supported: readonly string[];
  readonly response_types_supported: readonly string[];
  readonly scopes_supported: readonly string[];
  readonly token_endpoint_auth_methods_supported: readonly string[];
  readonly token_endpoint_auth_signing_alg_values_supported: readonly string[];
  readonly revocation_endpoint_auth_methods_supported: readonly string[];
  readonly revocation_endpoint_auth_signing_alg_values_supported: readonly string[];
  readonly code_challenge_methods_supported: readonly string[];
}

/** `{fhir}/.well-known/smart-configuration` (SMART App Launch 2.2, Conformance). */
export interface SmartConfiguration extends AuthorizationServerMetadata {
  readonly capabilities: readonly string[];
}

/**
 * The metadata of the authorization server.
 *
 * @param publicUrl where callers reach the service: the issuer, without a slash at its end
 */
export function authorizationServerMetadata(publicUrl: string): AuthorizationServerMetadata {
  const methods = ['private_key_jwt'];
  const algorithms = ['RS384', 'ES384'];
  return {
    issuer: publicUrl,
    token_endpoint: publicUrl + oauthPaths.token,
    jwks_uri: publicUrl + oauthPaths.jwks,
    revocation_endpoint: publicUrl + oauthPaths.revocation,
    grant_types_supported: ['client_credentials'],
    response_types_supported: [],
    scopes_supported: ['system/*.cruds', 'system/*.rs', 'system/*.read', 'system/*.write'],
    token_endpoint_auth_methods_supported: methods,
    token_endpoint_auth_signing_alg_values_supported: algorithms,
    revocation_endpoint_auth_methods_supported: methods,
    revocation_endpoint_auth_signing_alg_values_supported: algorithms,
    // Required of every server by SMART, whatever its grants.
    code_challenge_methods_supported: ['S256'],
  };
}

/** The same for clients that speak SMART, with the capabilities that stand today: backend services. */
export function smartConfiguration(publicUrl: string): SmartConfiguration {
  return {
    ...authorizationServerMetadata(publicUrl),
    capabilities: ['client-confidential-asymmetric', 'permission-v1', 'permission-v2'],
  };
}
