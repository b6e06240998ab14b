import { originsOf, type EffectiveAccess } from '#access';
import type { FhirEndpoint, FhirEndpoints } from '#fhir-endpoints';
import { oauthPaths } from '#smart';
import { Provider, errors, interactionPolicy, type Configuration, type KoaContextWithOIDC } from 'oidc-provider';
import { mayRedirectTo } from '../ask-authorization/redirect-uri.js';
import { audienceAsked, requestRules } from '../ask-authorization/request-rules.js';
import type { AdmittedClients } from '../authenticate-client/admitted-clients.js';
import {
  assertionAlgorithms,
  checkAssertion,
  clockTolerance,
  timesOf,
} from '../authenticate-client/assertion-rules.js';
import { clientSecretMatches } from '../authenticate-client/client-secrets.js';
import type { SpentAssertions } from '../authenticate-client/spent-assertions.js';
import { ProviderKey } from '../sign-tokens/provider-key.js';
import { chooseLanguage } from '../pages/language.js';
import { pagePolicy } from '../pages/page-style.js';
import { renderPage } from '../pages/render-page.js';
import { keepProof, type ProvenKey } from '../prove-possession/possession.js';
import { usedOnce } from '../push-request/used-once.js';
import { clientAdapter } from './client-adapter.js';
import { nothingKept } from './nothing-kept.js';
import { orUnavailable } from './oauth-errors.js';
import type { ProviderRecords } from './provider-records.js';
import { accessTokenAlgorithm, idTokenAlgorithm, type KeyRing } from './signing-keys.js';

/** What a user agreed to in the interaction that has just ended. */
export interface AgreedGrant {
  readonly grantId: string;
  readonly userId: string;
  /** SHA-256 of the launch that it came from, in hexadecimal. */
  readonly launch?: string;
}

export interface AuthorizationServerOptions {
  /** `PUBLIC_URL`, which is the issuer. */
  readonly publicUrl: string;
  /** What tokens may be for. */
  readonly endpoints: FhirEndpoints;
  readonly keys: Pick<KeyRing, 'cookies' | 'published'>;
  readonly clients: AdmittedClients;
  readonly spent: Pick<SpentAssertions, 'spend'>;
  readonly records: Pick<ProviderRecords, 'adapter'>;
  /** Spends the launch of a grant whose code is about to be issued; false when it was spent before or has expired. */
  readonly spendLaunch: (digest: string) => Promise<boolean>;
  readonly shown: ProvenKey;
}

/**
 * The authorization endpoint (`/oauth/authorize`), pushed requests (`/oauth/par`) and the key set (`/oauth/jwks`) on
 * oidc-provider. Its are the checks of requests, the interaction and the code; ours are who is a client, what is asked of
 * the user, and the whole token endpoint (docs/adr/0011 and 0021).
 */
export function authorizationServer(options: AuthorizationServerOptions): Provider {
  const provider = new Provider(options.publicUrl, configuration(options));
  // `mountHandler` sets the forwarded headers itself, from PUBLIC_URL.
  provider.proxy = true;
  compareByOurRules(provider, options.clients);
  // Its token endpoint issues nothing, should a request ever come to it.
  for (const grantType of ['authorization_code', 'refresh_token'])
    provider.registerGrantType(grantType, () => Promise.reject(new errors.UnsupportedGrantType()));
  provider.use(async (ctx, next) => {
    keepProof(ctx);
    await next();
    forgetProviderSession(ctx);
    if (ctx.status === 503) ctx.set('retry-after', '1');
  });
  return provider;
}

/** Who is signed in is told by `PersonSessions`, and by no cookie of the provider's. */
function forgetProviderSession(ctx: { readonly response: KoaContextWithOIDC['response'] }): void {
  const header: unknown = ctx.response.headers['set-cookie'];
  const cookies = [header].flat().filter((it) => typeof it === 'string');
  const others = cookies.filter((cookie) => !cookie.startsWith('gatehouse_provider'));
  if (others.length === cookies.length) return;
  ctx.response.remove('set-cookie');
  if (others.length > 0) ctx.response.set('set-cookie', others);
}

function configuration(options: AuthorizationServerOptions): Configuration {
  const { endpoints, keys, clients, spent, records, shown } = options;
  return {
    adapter: (model: string) => {
      if (model === 'Client') return clientAdapter(clients);
      // Who is signed in is told by `PersonSessions`. The provider would write here after its answer, past its own handling of errors.
      if (model === 'Session') return nothingKept;
      return model === 'PushedAuthorizationRequest' ? usedOnce(records.adapter(model)) : records.adapter(model);
    },
    cookies: {
      keys: [...keys.cookies],
      // Required for requests by POST; sessions of the provider's are not kept at all.
      long: { signed: true, httpOnly: true, sameSite: 'none' },
      short: { signed: true, httpOnly: true, sameSite: 'lax' },
      names: { session: 'gatehouse_provider', interaction: 'gatehouse_interaction', resume: 'gatehouse_resume' },
    },
    jwks: { keys: keys.published.map((key) => new ProviderKey(key)) },
    routes: {
      authorization: oauthPaths.authorization,
      token: oauthPaths.token,
      jwks: oauthPaths.jwks,
      pushed_authorization_request: oauthPaths.pushedRequest,
    },
    clientAuthMethods: ['private_key_jwt', 'client_secret_basic', 'client_secret_post', 'none'],
    clientDefaults: { id_token_signed_response_alg: idTokenAlgorithm },
    enabledJWA: {
      clientAuthSigningAlgValues: [...assertionAlgorithms],
      idTokenSigningAlgValues: [idTokenAlgorithm, accessTokenAlgorithm],
    },
    enableHttpPostMethods: true,
    responseTypes: ['code'],
    scopes: [
      'openid',
      'offline_access',
      'online_access',
      'fhirUser',
      'profile',
      'launch',
      'launch/patient',
      'launch/encounter',
    ],
    pkce: { required: () => true },
    clockTolerance,
    ttl: { AuthorizationCode: 60, Interaction: 1_800, Session: 60, Grant: 60, IdToken: 3_600 },
    extraParams: requestRules(endpoints, shown),
    features: {
      devInteractions: { enabled: false },
      userinfo: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      externalSigningSupport: { enabled: true, ack: 'experimental-01' },
      pushedAuthorizationRequests: { enabled: true },
      // For `dpop_jkt`, and for what pages of browsers may read; the proofs are ours to check.
      dPoP: { enabled: true, nonceSecret: nonceSecretUnused, requireNonce: () => false },
      resourceIndicators: {
        enabled: true,
        defaultResource: (ctx) => endpointAsked(endpoints, ctx)?.base ?? [],
        useGrantedResource: () => true,
        getResourceServerInfo: (ctx, resource) => {
          const endpoint = endpointAsked(endpoints, ctx);
          if (endpoint === undefined || endpoints.withBase(resource) !== endpoint) throw new errors.InvalidTarget();
          const scope = typeof ctx.oidc.params?.['scope'] === 'string' ? ctx.oidc.params['scope'] : '';
          const jwt = { sign: { alg: accessTokenAlgorithm } } as const;
          return { scope, audience: endpoint.base, accessTokenFormat: 'jwt', jwt };
        },
      },
    },
    interactions: {
      policy: agreement(),
      url: (_ctx, interaction) => `${oauthPaths.interaction}/${interaction.uid}`,
    },
    clientBasedCORS: (_ctx, origin, { clientId }) => mayCallFrom(origin, clients.open(clientId)),
    findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    loadExistingGrant: (ctx) => grantAgreedTo(options, ctx),
    assertJwtClientAuthClaimsAndHeader: async (_ctx, claims, header, { clientId }) => {
      const access = await orUnavailable(async () => clients.open(clientId));
      if (access === undefined) throw new errors.InvalidClientAuth('access was closed while it was asked for');
      const checked = checkAssertion(header, claims, timesOf(access));
      if (!checked.ok) throw new errors.InvalidClientAuth(checked.fault);
      if (!(await orUnavailable(() => spent.spend(checked.assertion))))
        throw new errors.InvalidClientAuth('the assertion was used before, or made before the replay guard was');
    },
    renderError: (ctx, out) => {
      const said = [out.error, out.error_description].filter((it) => it !== undefined).join(': ');
      const language = chooseLanguage({ acceptLanguage: ctx.get('accept-language') });
      ctx.type = 'text/html; charset=utf-8';
      ctx.set({ 'content-security-policy': pagePolicy(), 'content-language': language });
      ctx.body = renderPage({ page: 'notice', status: ctx.status, notice: 'cannot-go-on', said }, language);
    },
  };
}

/** The endpoint that an authorization request is about, by its `aud` (SMART App Launch 2.2, 2.0.3). */
function endpointAsked(endpoints: FhirEndpoints, ctx: KoaContextWithOIDC): FhirEndpoint | undefined {
  const aud = audienceAsked(ctx);
  return aud === undefined ? endpoints.only : endpoints.withBase(aud);
}

/** The one thing that is asked of a user, every time: what happens in it, sign-in included, is `consent/`. */
function agreement(): interactionPolicy.DefaultPolicy {
  const { Check, Prompt } = interactionPolicy;
  const asked = new Check(
    'not_agreed',
    'the user has to be asked',
    'interaction_required',
    (ctx) => agreedIn(ctx) === undefined,
  );
  const policy = interactionPolicy.base();
  policy.clear();
  policy.add(new Prompt({ name: 'login', requestable: true }));
  policy.add(new Prompt({ name: 'consent', requestable: true }, asked));
  return policy;
}

/** The grant that the interaction has left, in the form in which the provider makes a code of it. */
async function grantAgreedTo(
  { spendLaunch, endpoints }: AuthorizationServerOptions,
  ctx: KoaContextWithOIDC,
): Promise<InstanceType<Provider['Grant']> | undefined> {
  const agreed = agreedIn(ctx);
  const { client, provider, params } = ctx.oidc;
  const endpoint = endpointAsked(endpoints, ctx);
  if (agreed === undefined || client === undefined || endpoint === undefined) return undefined;
  const { launch } = agreed;
  if (launch !== undefined && !(await orUnavailable(() => spendLaunch(launch))))
    throw new errors.AccessDenied('the launch was used before, or has expired');
  const grant = new provider.Grant({ clientId: client.clientId, accountId: agreed.userId });
  grant.jti = agreed.grantId;
  const scope = typeof params?.['scope'] === 'string' ? params['scope'] : '';
  grant.addOIDCScope(scope);
  grant.addResourceScope(endpoint.base, scope);
  return grant;
}

function agreedIn(ctx: KoaContextWithOIDC): AgreedGrant | undefined {
  const agreed: unknown = ctx.oidc.result?.['agreed'];
  if (typeof agreed !== 'object' || agreed === null || !('grantId' in agreed) || !('userId' in agreed))
    return undefined;
  const { grantId, userId } = agreed;
  if (typeof grantId !== 'string' || typeof userId !== 'string') return undefined;
  const launch = 'launch' in agreed && typeof agreed.launch === 'string' ? { launch: agreed.launch } : {};
  return { grantId, userId, ...launch };
}

/** Secrets by their hashes, redirect URIs character for character. */
function compareByOurRules(provider: Provider, clients: AdmittedClients): void {
  Object.assign(provider.Client.prototype, {
    redirectUriAllowed(this: InstanceType<Provider['Client']>, uri: string): boolean {
      return mayRedirectTo(uri, this.redirectUris ?? []);
    },
    compareClientSecret(this: InstanceType<Provider['Client']>, secret: string): boolean {
      const access = clients.open(this.clientId);
      return access !== undefined && clientSecretMatches(secret, access.secrets, Date.now());
    },
  });
}

/** The provider checks no proof here, but wants one to show its header to pages. */
const nonceSecretUnused = Buffer.alloc(32);

function mayCallFrom(origin: string, access: EffectiveAccess | undefined): boolean {
  return access !== undefined && originsOf(access).includes(origin);
}
