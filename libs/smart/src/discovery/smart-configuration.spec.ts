import { authorizationServerMetadata, smartConfiguration } from './smart-configuration.js';

const publicUrl = 'https://gatehouse.example.org';

describe('what the authorization server says of itself', () => {
  test('every address is absolute and below the issuer', () => {
    const metadata = authorizationServerMetadata(publicUrl);
    expect(metadata.issuer).toBe(publicUrl);
    for (const address of [metadata.token_endpoint, metadata.jwks_uri, metadata.revocation_endpoint]) {
      expect(address).toMatch(/^https:\/\/gatehouse\.example\.org\/oauth\/[a-z]+$/);
    }
  });

  test('only what SMART allows: asymmetric algorithms, S256 and never plain', () => {
    const smart = smartConfiguration(publicUrl);
    expect(smart.token_endpoint_auth_signing_alg_values_supported).toEqual(['RS384', 'ES384']);
    expect(smart.code_challenge_methods_supported).toEqual(['S256']);
    expect(smart.capabilities).toContain('client-confidential-asymmetric');
  });
});
