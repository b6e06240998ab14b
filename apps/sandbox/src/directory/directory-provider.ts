import { Provider, errors, interactionPolicy, type ClientMetadata, type Configuration, type JWK } from 'oidc-provider';
import type { DirectoryKeys } from './directory-keys.js';
import { memoryAdapters } from './memory-adapter.js';
import { personByEmail, sandboxPassword, type Person } from './people.js';

/** What the directory is for whom. */
export interface DirectoryOptions {
  /** Its URL: `${PUBLIC_URL}/sandbox/directory`. */
  readonly issuer: string;
  /** The `aud` of access tokens: the administrative API's (`IDENTITY_AUDIENCE`). */
  readonly audience: string;
  readonly keys: DirectoryKeys;
  /** Applications beside the command line that may sign people in, such as the token service. */
  readonly relyingParties?: readonly RelyingParty[];
}

/** A public client of the directory: authorization code with PKCE. */
export interface RelyingParty {
  readonly clientId: string;
  readonly redirectUris: readonly string[];
}

/** Names the administrative API to the directory (RFC 8707); it is also what a client gets that names nothing. */
export const administration = 'urn:gatehouse:administration';

/** How long an access token lives, in seconds. */
export const accessTokenLife = 3600;

/** Services sign in by client_credentials; id and role are one, the secret is everybody's. */
const serviceRoles = ['enforcement-point', 'launcher'] as const;

/** What a person's tokens say beside the protocol's own claims. */
export function claimsOf({ email, name, roles, fhirUser }: Person): Record<string, unknown> {
  return { name, email, email_verified: true, roles, ...(fhirUser === undefined ? {} : { fhirUser }) };
}

/**
 * The OpenID provider of the sandbox. Access tokens are JWTs by RFC 9068 for the administrative API, id_tokens are
 * RS256; nobody is asked for consent.
 */
export function directoryProvider({ issuer, audience, keys, relyingParties = [] }: DirectoryOptions): Provider {
  const configuration: Configuration = {
    adapter: memoryAdapters(),
    clients: clientsOf(relyingParties),
    cookies: {
      keys: [...keys.cookies],
      names: { session: '_sandbox_session', interaction: '_sandbox_interaction', resume: '_sandbox_resume' },
    },
    jwks: { keys: [keys.idToken, keys.accessToken] as JWK[] },
    claims: { openid: ['sub', 'roles'], email: ['email', 'email_verified'], profile: ['name'], fhirUser: ['fhirUser'] },
    scopes: ['openid', 'profile', 'email', 'fhirUser', 'offline_access'],
    // Nobody is asked for consent, which oidc-provider would wait for before it gives a refresh token.
    issueRefreshToken: (_ctx, client) => Promise.resolve(client.grantTypeAllowed('refresh_token')),
    // Access tokens are for the administrative API, so the id_token says who the person is.
    conformIdTokenClaims: false,
    clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post'],
    responseTypes: ['code'],
    subjectTypes: ['public'],
    pkce: { required: () => true },
    ttl: {
      AccessToken: accessTokenLife,
      ClientCredentials: accessTokenLife,
      AuthorizationCode: 60,
      IdToken: 3600,
      Interaction: 3600,
      RefreshToken: 28_800,
      Session: 28_800,
      Grant: 28_800,
    },
    features: {
      devInteractions: { enabled: false },
      userinfo: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => administration,
        useGrantedResource: () => true,
        getResourceServerInfo: (_ctx, resource) => {
          if (resource !== administration && resource !== audience) throw new errors.InvalidTarget();
          return {
            scope: '',
            audience,
            accessTokenTTL: accessTokenLife,
            accessTokenFormat: 'jwt',
            jwt: { sign: { alg: 'ES256' } },
          };
        },
      },
    },
    findAccount: (_ctx, id) => {
      const person = personByEmail(id);
      return person && { accountId: person.email, claims: () => ({ sub: person.email, ...claimsOf(person) }) };
    },
    extraTokenClaims: (_ctx, token) => {
      if (token.kind === 'ClientCredentials') return { roles: serviceRoles.filter((role) => role === token.clientId) };
      const person = personByEmail(token.accountId);
      return person && claimsOf(person);
    },
    loadExistingGrant: async ({ oidc }) => {
      const { client, session, provider, result } = oidc;
      const accountId = result?.login?.accountId ?? session?.accountId;
      if (!client || accountId === undefined) return undefined;
      const grant = new provider.Grant({ clientId: client.clientId, accountId });
      grant.addOIDCScope('openid profile email fhirUser');
      await grant.save();
      return grant;
    },
    interactions: {
      policy: signInAlone(),
      url: (_ctx, interaction) => `${new URL(issuer).pathname}/interaction/${interaction.uid}`,
    },
    renderError: (ctx, { error, error_description: detail }) => {
      ctx.type = 'text/plain';
      ctx.body = `${error}${detail === undefined ? '' : `: ${detail}`}\n`;
    },
  };
  const provider = new Provider(issuer, configuration);
  // `mountHandler` sets the forwarded headers itself, from PUBLIC_URL.
  provider.proxy = true;
  return provider;
}

/** Asks for a sign-in and never for consent, of native clients neither. */
function signInAlone(): interactionPolicy.DefaultPolicy {
  const policy = interactionPolicy.base();
  policy.remove('consent');
  return policy;
}

function clientsOf(relyingParties: readonly RelyingParty[]): ClientMetadata[] {
  const signsPeopleIn = {
    grant_types: ['authorization_code'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  } as const;
  return [
    {
      ...signsPeopleIn,
      grant_types: ['authorization_code', 'refresh_token'],
      client_id: 'gatehouse-cli',
      client_name: 'The command line of Gatehouse',
      application_type: 'native',
      // Any port of loopback (RFC 8252, 7.3).
      redirect_uris: ['http://127.0.0.1/callback', 'http://[::1]/callback'],
    },
    ...relyingParties.map(({ clientId, redirectUris }) => ({
      ...signsPeopleIn,
      client_id: clientId,
      // A web client's redirect URI must be https; on loopback there is none.
      application_type: 'native' as const,
      redirect_uris: [...redirectUris],
    })),
    ...serviceRoles.map((role) => ({
      client_id: role,
      client_secret: sandboxPassword,
      grant_types: ['client_credentials'],
      response_types: [],
      redirect_uris: [],
    })),
  ];
}
