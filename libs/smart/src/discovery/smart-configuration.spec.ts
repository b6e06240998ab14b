import { parseScopeList } from '../scopes/parse-scope.js';
import { authorizationServerMetadata, openidConfiguration, smartConfiguration } from './smart-configuration.js';

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

  test('names the issuer and its keys', () => {
    expect(smartConfiguration(publicUrl)).toMatchObject({ issuer: publicUrl, jwks_uri: `${publicUrl}/oauth/jwks` });
  });

  test('names where to ask and where to redeem', () => {
    expect(smartConfiguration(publicUrl)).toMatchObject({
      authorization_endpoint: `${publicUrl}/oauth/authorize`,
      token_endpoint: `${publicUrl}/oauth/token`,
      introspection_endpoint: `${publicUrl}/oauth/introspect`,
      revocation_endpoint: `${publicUrl}/oauth/revoke`,
      management_endpoint: `${publicUrl}/oauth/grants`,
    });
  });

  test('names the grants that are served', () => {
    expect(smartConfiguration(publicUrl).grant_types_supported).toEqual([
      'authorization_code',
      'refresh_token',
      'client_credentials',
    ]);
  });

  test('claims the capabilities that it has, and no other', () => {
    expect([...smartConfiguration(publicUrl).capabilities].sort()).toEqual(
      [
        ['authorize-post', 'client-confidential-asymmetric', 'client-confidential-symmetric', 'client-public'],
        ['context-banner', 'context-ehr-encounter', 'context-ehr-patient', 'context-standalone-encounter'],
        ['context-standalone-patient', 'context-style', 'launch-ehr', 'launch-standalone', 'permission-offline'],
        ['permission-online', 'permission-patient', 'permission-user', 'permission-v1', 'permission-v2'],
        ['sso-openid-connect'],
      ].flat(),
    );
  });

  test('names scopes that it reads itself', () => {
    const { scopes_supported: scopes } = smartConfiguration(publicUrl);
    expect(scopes).toEqual(expect.arrayContaining(['openid', 'fhirUser', 'launch/patient', 'offline_access']));
    expect(parseScopeList(scopes.join(' '))).toMatchObject({ ok: true });
  });

  test('says to clients of OpenID Connect what it says to those of SMART', () => {
    expect(openidConfiguration(publicUrl)).toMatchObject({ ...authorizationServerMetadata(publicUrl) });
    expect(smartConfiguration(publicUrl)).toMatchObject({ ...authorizationServerMetadata(publicUrl) });
  });
});
